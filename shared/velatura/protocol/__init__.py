"""The wire protocol of docs/protocol.md: messages, their encoding, authentication, blob transfer and ZMTP framing."""
