import Bytes
import Enrolment
import Settings
import SystemPackage

/// The configuration file that `init` writes, with a word on each setting.
struct InitialConfiguration {
    let setup: VerifierSetup
    let address: HostAndPort
    let keyURI: String?

    var text: String {
        """
        # Assay's verifier, as `assay-verifier init` made it. See assay-verifier(1), and
        # configuration.md of the documentation, which has every setting.

        # Where agents connect: 0.0.0.0 is every IPv4 address of this host, "::" every address.
        listen:
          host: 0.0.0.0
          port: \(address.port)

        # Agents, keyrings, policies and verdicts.
        store: \(yamlText(setup.store.string))

        # The server's certificate, renewed by itself, and the authority of the agents' certificates.
        tls:
          certificate: \(yamlText(setup.serverCertificate.chainFile))
          key: \(yamlText(setup.serverCertificate.keyFile))
          trust: \(yamlText(setup.authorityCertificate))

        # The authority that names agents. Take this section out to name them by a PKI of your own.
        ca:
          certificate: \(yamlText(setup.authorityCertificate))
          # A PEM file that only its owner can read, or an OpenSSL provider's URI such as pkcs11:object=assay
          key: \(yamlText(keyURI ?? setup.authorityKey))
          invitation_key: \(yamlText(setup.invitationKey))
          # Seconds that certificates last; they are renewed at two thirds of it.
          agent_lifetime: 7776000
          server_lifetime: 7776000

        # What tokens tell hosts to dial; `serve` adds the name to the server's certificate.
        join:
          address: \(yamlText(address.description))

        attestation:
          # Seconds from a verdict to the next Challenge.
          interval: 60
          # Seconds after its Challenge at which a verdict no longer stands.
          max_age: 600

        """
    }
}
