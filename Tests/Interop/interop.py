"""Joins, attests, resumes and renews, and looks at what the contract says beside that. One line a check."""

import json
import os
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from contract import MESSAGES, Connection, Token, qualifying_data
from host import SHA256, Host, boot_aggregate, file_record

INVALID_ARGUMENT, PERMISSION_DENIED, ABORTED, OUT_OF_RANGE = 3, 7, 10, 11
AFFIRMING, CONTRAINDICATED = 1, 3


def certificate_request(key):
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


class Agent:
    def __init__(self, token):
        self.token = token
        self.host = Host()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = b""
        self.certificate = None

    # Joining

    def join_request(self, connection):
        request = MESSAGES["JoinRequest"](
            protocol_version=1, agent_id=b"interop-1", ek_public=self.host.key("ek"), ak_public=self.host.key("ak"),
            certificate_request=certificate_request(self.key),
        )
        self.token.prove(request, connection.exporter)
        return request

    def dial_to_join(self):
        return Connection(self.token.host, self.token.port, self.token.authority, b"assay-join/1")

    def join(self):
        connection = self.dial_to_join()
        connection.send(join_request=self.join_request(connection))
        challenge = connection.expect("credential_challenge")
        secret = self.host.activate(challenge.credential_blob, challenge.encrypted_secret)
        connection.send(credential_response=MESSAGES["CredentialResponse"](secret=secret))
        issued = connection.expect("certificate_issued")
        connection.close()
        return issued

    # Attesting

    def dial(self, certificate=None):
        return Connection(
            self.token.host, self.token.port, self.token.authority, b"assay/1", self.key, certificate or self.certificate
        )

    def hello(self, pcrs=(10,)):
        return MESSAGES["Hello"](
            protocol_version=1, agent_id=self.id, ak_name=self.host.key_name, first_record=0,
            next_record=len(self.host.records), banks=[SHA256], pcrs=pcrs, max_shard_bytes=1 << 20,
            column_algorithm=0x0004, software_version=b"interop", reset_count=self.host.reset_count,
            restart_count=self.host.restart_count,
        )

    def greet(self):
        connection = self.dial()
        connection.send(hello=self.hello())
        return connection, connection.expect("challenge")

    def evidence(self, connection, challenge):
        data = qualifying_data(challenge.nonce, self.id, self.host.key_name, connection.exporter)
        message, signature, values = self.host.quote(data)
        value = MESSAGES["PcrValue"]
        # In no particular order.
        stated = [value(bank=SHA256, index=index, value=values[index]) for index in reversed(range(11))]
        return MESSAGES["Evidence"](
            round=challenge.round, attest=message, signature=signature, pcr_values=stated,
            log_end=len(self.host.records), log_bytes=sum(map(len, self.host.records[challenge.first_record :])),
        )

    def shard(self, challenge, first, count):
        records = self.host.records[first : first + count]
        rest = self.host.records[first + count :]
        return MESSAGES["LogShard"](
            round=challenge.round, first_record=first, record_count=len(records), records=b"".join(records),
            more_data_pending=bool(rest), records_remaining=len(rest), bytes_remaining=sum(map(len, rest)),
        )

    def answer(self, connection, challenge, count=10):
        """Evidence and all shards, each after the credit for the one before; returns the result."""
        connection.send(evidence=self.evidence(connection, challenge))
        first = challenge.first_record
        while True:
            shard = self.shard(challenge, first, count)
            connection.send(log_shard=shard)
            first += shard.record_count
            if not shard.more_data_pending:
                return connection.expect("attestation_result")
            credit = connection.expect("shard_credit")
            assert (credit.round, credit.next_record) == (challenge.round, first) and credit.window >= 4


passed = 0


def check(what, *conditions):
    global passed
    assert all(conditions), f"{what}: {conditions}"
    passed += 1
    print(f"ok: {what}")


def main():
    agent = Agent(Token(json.loads(os.environ["TOKEN"])["token"]))
    host = agent.host
    host.measure(boot_aggregate(), *map(file_record, range(60)))

    # Joining
    stranger = agent.dial_to_join()
    request = agent.join_request(stranger)
    request.proof = bytes(32)
    stranger.send(join_request=request)
    check("a proof of nothing is refused", stranger.expect("status").code == PERMISSION_DENIED)
    check("and the verifier closes", stranger.receive() is None)
    issued = agent.join()
    agent.id, agent.certificate = issued.agent_id, issued.certificates[0]
    names = x509.load_der_x509_certificate(agent.certificate).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    uri = "urn:assay:agent:" + agent.id.decode()
    check("a host joins", names.value.get_values_for_type(x509.UniformResourceIdentifier) == [uri])
    check("the same request has the same answer", agent.join().certificates == issued.certificates)

    # Attesting
    connection, challenge = agent.greet()
    check("the first round begins at record 0", challenge.first_record == 0, len(challenge.nonce) == 32)
    check("and quotes PCRs 0 to 10", list(challenge.pcrs) == list(range(11)), list(challenge.banks) == [SHA256])
    result = agent.answer(connection, challenge)
    check("61 records in seven shards are affirming", result.tier == AFFIRMING, result.next_record == 61)
    host.measure(*map(file_record, range(60, 65)))
    challenge = connection.expect("challenge")
    check("the next round goes on", challenge.first_record == 61, challenge.round == 2)
    result = agent.answer(connection, challenge)
    check("and is affirming", result.tier == AFFIRMING, result.next_record == 66, result.records_appraised == 5)
    challenge = connection.expect("challenge")
    result = agent.answer(connection, challenge)
    check("a round without a record, too", result.tier == AFFIRMING, result.records_appraised == 0)

    # A Challenge in place of another message
    challenge = connection.expect("challenge")
    connection.send(hello=agent.hello(pcrs=(10, 11)))
    other = connection.expect("challenge")
    check("another Hello brings another Challenge", other.round == challenge.round + 1, 11 in other.pcrs)
    connection.break_off()

    # Resuming
    host.measure(*map(file_record, range(65, 85)))
    connection, challenge = agent.greet()
    check("a new connection goes on, too", challenge.first_record == 66)
    connection.send(evidence=agent.evidence(connection, challenge))
    for first in range(66, 76):
        connection.send(log_shard=agent.shard(challenge, first, 1))
        connection.expect("shard_credit")
        time.sleep(0.3)
    connection.break_off()
    connection, challenge = agent.greet()
    check("a broken transfer goes on where it broke", 66 < challenge.first_record <= 76)
    result = agent.answer(connection, challenge)
    check("under one quote", result.tier == AFFIRMING, result.next_record == 86, result.records_appraised == 20)
    connection.close()

    # Records that aren't held
    connection, challenge = agent.greet()
    status = MESSAGES["Status"](code=OUT_OF_RANGE, message="not held", round=challenge.round)
    connection.send(status=status)
    challenge = connection.expect("challenge")
    check("records that aren't held are asked for otherwise", challenge.first_record < 86)
    result = agent.answer(connection, challenge, count=100)
    check("and the verdict is that of all records", result.tier == AFFIRMING, result.next_record == 86)

    # Renewing
    challenge = connection.expect("challenge")
    foreign = certificate_request(ec.generate_private_key(ec.SECP256R1()))
    connection.send(renew_request=MESSAGES["RenewRequest"](certificate_request=foreign))
    refused = connection.expect("certificate_issued")
    check("a renewal for another key is refused", not refused.certificates, refused.refusal.code == INVALID_ARGUMENT)
    result = agent.answer(connection, challenge)
    check("and the round goes on", result.tier == AFFIRMING)
    connection.expect("challenge")
    request = MESSAGES["RenewRequest"](certificate_request=certificate_request(agent.key))
    connection.send(renew_request=request)
    renewed = connection.expect("certificate_issued").certificates[0]
    check("a certificate is renewed", renewed != agent.certificate)

    # The newest connection, with the new certificate
    newest = agent.dial(renewed)
    newest.send(hello=agent.hello())
    check("an older connection ends with ABORTED", connection.expect("status").code == ABORTED)
    challenge = newest.expect("challenge")
    host.measure(file_record(85, b"not what the policy lists"))
    result = agent.answer(newest, challenge)
    finding = result.findings[0]
    check("a file that isn't as listed is contraindicated", result.tier == CONTRAINDICATED)
    check("with its reason and record", finding.reason == "digest_mismatch", finding.record == 86)

    # Mistakes
    challenge = newest.expect("challenge")
    newest.send(log_shard=agent.shard(challenge, challenge.first_record, 1))
    status = newest.expect("status")
    words = f"LogShard of round {challenge.round} came, Evidence of round {challenge.round} was awaited"
    check("a message out of turn is named", status.code == INVALID_ARGUMENT, status.message == words)
    connection, _ = agent.greet()
    connection.send_raw(b"\xde\xad\xbe\xef")
    check("what can't be read is refused", connection.expect("status").code == INVALID_ARGUMENT)
    print(f"{passed} passed, 0 failed")


main()
