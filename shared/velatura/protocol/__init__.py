"""Messages, authentication, picture transfer and ZMTP framing: docs/protocol.md in code."""
