"""The contract of Proto/assay.proto and Docs/protocol.md: frames over TLS, the token, what proofs are made of."""

import hashlib
import hmac
import ipaddress
import socket
import struct

from cryptography import x509
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from OpenSSL import SSL, crypto

BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"


def messages(path):
    """The message classes of a descriptor set, by name."""
    with open(path, "rb") as file:
        files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    names = files.file[0].message_type
    return {m.name: message_factory.GetMessageClass(pool.FindMessageTypeByName("assay.v1." + m.name)) for m in names}


MESSAGES = messages("assay.descriptor")
AgentMessage = MESSAGES["AgentMessage"]
VerifierMessage = MESSAGES["VerifierMessage"]


def prefixed(*parts):
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def qualifying_data(nonce, agent_id, key_name, exporter):
    return hashlib.sha256(prefixed(b"assay quote v1", nonce, agent_id, key_name, exporter)).digest()


class Token:
    """`assayjoin1_` and base 32 of port, host, the authority's SHA-256, the secret and a checksum."""

    def __init__(self, text):
        kind, digits = text.lower().split("_")
        assert kind == "assayjoin1"
        bits = "".join(format(BASE32.index(digit), "05b") for digit in digits)
        content = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits) // 8 * 8, 8))
        body, checksum = content[:-4], content[-4:]
        assert hashlib.sha256(b"assayjoin1_" + body).digest()[:4] == checksum
        self.port, length = struct.unpack(">HB", body[:3])
        self.host = body[3 : 3 + length].decode()
        self.authority = body[3 + length : 35 + length]
        self.secret = body[35 + length :]
        assert len(self.secret) == 16

    def prove(self, request, exporter):
        """Fills in who knows the secret, on which connection."""
        request.token_hash = hashlib.sha256(self.secret).digest()
        fields = [
            request.token_hash, request.agent_id, request.ek_public, request.ak_public, request.ek_certificate,
            request.certificate_request,
        ]
        digest = hashlib.sha256(prefixed(*fields)).digest()
        request.proof = hmac.digest(self.secret, prefixed(b"assay join v1", digest, exporter), "sha256")


class Connection:
    """TLS 1.3 to the verifier. `authority`: SHA-256 of the one certificate that is trusted."""

    def __init__(self, host, port, authority, protocol, key=None, certificate=None):
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
        context.set_alpn_protos([protocol])
        # The chain is judged below, by the pinned authority.
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        if key:
            context.use_privatekey(crypto.PKey.from_cryptography_key(key))
            context.use_certificate(crypto.X509.from_cryptography(x509.load_der_x509_certificate(certificate)))
        self.socket = socket.create_connection((host, port), timeout=30)
        self.socket.settimeout(None)
        self.tls = SSL.Connection(context, self.socket)
        self.tls.set_connect_state()
        self.tls.do_handshake()
        assert self.tls.get_alpn_proto_negotiated() == protocol
        self._check(host, authority)
        self.exporter = self.tls.export_keying_material(b"EXPORTER-Channel-Binding", 32)

    def _check(self, host, authority):
        chain = self.tls.get_peer_cert_chain()
        root = next(c for c in chain if bytes.fromhex(c.digest("sha256").decode().replace(":", "")) == authority)
        store = crypto.X509Store()
        store.add_cert(root)
        crypto.X509StoreContext(store, chain[0], chain[1:]).verify_certificate()
        names = chain[0].to_cryptography().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)

    def send(self, **body):
        self.send_raw(AgentMessage(**body).SerializeToString())

    def send_raw(self, message, flags=0):
        self.tls.sendall(struct.pack(">BI", flags, len(message)) + message)

    def receive(self):
        """The next message's field name and body; None at the verifier's close_notify."""
        head = self._read(5)
        if head is None:
            return None
        flags, length = struct.unpack(">BI", head)
        assert flags == 0
        message = VerifierMessage.FromString(self._read(length))
        kind = message.WhichOneof("body")
        return kind, getattr(message, kind)

    def _read(self, count):
        content = b""
        while len(content) < count:
            try:
                content += self.tls.recv(count - len(content))
            except SSL.ZeroReturnError:
                assert not content, "closed inside a frame"
                return None
        return content

    def expect(self, kind):
        """The next message, which must be of a kind."""
        message = self.receive()
        assert message is not None, f"closed, {kind} was awaited"
        assert message[0] == kind, f"{message} came, {kind} was awaited"
        return message[1]

    def break_off(self):
        self.socket.close()

    def close(self):
        self.tls.shutdown()
        self.socket.close()
