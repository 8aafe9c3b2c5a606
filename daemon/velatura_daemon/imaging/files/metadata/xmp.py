"""Artist, copyright and description in XMP, the XML in which photo programs write them."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.sax.saxutils import escape

from velatura_daemon.imaging.files.limits import MAX_METADATA_VALUE
from velatura_daemon.imaging.files.metadata.texts import Texts, clean

DC, RDF = "{http://purl.org/dc/elements/1.1/}", "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
PACKET = (  # not translated: XML
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">{properties}</rdf:Description>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)
ALTERNATIVES = (
    '<dc:{name}><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></dc:{name}>'  # not translated: XML
)
SEQUENCE = "<dc:{name}><rdf:Seq><rdf:li>{text}</rdf:li></rdf:Seq></dc:{name}>"


def read(packet: bytes) -> Texts:
    """Read a packet. One that declares entities is not XMP, and might grow without end. Raises what the parser
    raises."""
    text = packet[: MAX_METADATA_VALUE + 1].decode()
    if not text.strip("\0 ") or len(packet) > MAX_METADATA_VALUE or "<!" in text.replace("<!--", ""):
        return Texts()
    root = ElementTree.fromstring(text.strip("\0 \t\r\n\ufeff"))
    return Texts(_property(root, "description"), _property(root, "creator", every=True), _property(root, "rights"))


def write(texts: Texts) -> bytes:
    """Return a packet with the texts; b'' if there are none."""
    forms = [
        ("description", ALTERNATIVES, texts.description),
        ("creator", SEQUENCE, texts.artist),
        ("rights", ALTERNATIVES, texts.copyright),
    ]
    properties = [form.format(name=name, text=escape(text)) for name, form, text in forms if text]
    return PACKET.format(properties="".join(properties)).encode() if properties else b""


def _property(root: ElementTree.Element, name: str, every: bool = False) -> str:
    """Return every item of a property of Dublin Core, or the one of no particular language."""
    for element in root.iter(DC + name):
        items = list(element.iter(RDF + "li"))
        items.sort(key=lambda item: item.get(LANGUAGE) != "x-default")
        found = [clean(item.text or "") for item in items] or [clean(element.text or "")]
        return "; ".join(filter(None, found)) if every else found[0]
    return ""
