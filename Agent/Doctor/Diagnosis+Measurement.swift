internal import Bytes
internal import IMA
internal import Terminal

// What the kernel measures, and how much of it a verifier can see.

extension Diagnosis {
    static func ima(_ facts: HostFacts) -> Finding {
        switch facts.ima {
        case .on(let folder): .ok(.ima, "on: the kernel shows \(folder)")
        case .file(let path): .ok(.ima, "log.path names a file, \(path); nothing says whether the kernel writes it")
        case .off(let folder):
            .failed(
                .ima, "off: \(folder) isn't there",
                remedy: "boot a kernel with CONFIG_IMA=y (Debian's has it), and without ima=off")
        case .hidden(let folder):
            .failed(
                .ima, "\(folder) can't be seen: securityfs isn't mounted here",
                remedy: "mount -t securityfs securityfs /sys/kernel/security; a container needs the host's")
        }
    }

    static func log(_ facts: HostFacts) -> Finding {
        let survey: LogSurvey
        switch facts.log {
        case .fails(let problem):
            switch facts.ima {
            case .on, .file: return .failed(.log, problem)
            case .off, .hidden: return .unknown(.log, without: .ima)
            }
        case .read(let read): survey = read
        }
        let size = "\(readableCount(survey.records)) records, \(readableSize(survey.bytes))"
        switch survey.beginning {
        case .nothing:
            return .failed(
                .log, "it is empty", remedy: "boot with IMA on, or point log.path at binary_runtime_measurements")
        case .withoutTPM:
            return .failed(
                .log, "\(size); IMA found no TPM when it started, and extended none (boot_aggregate is zero)",
                remedy: "use a kernel with the TPM's driver built in, not as a module, and reboot")
        case .other:
            return .warning(
                .log, "\(size); record 0 is not boot_aggregate: the kernel's log was cut, or taken over by kexec",
                remedy: "reboot, unless the agent keeps the records before it as shards")
        case .bootAggregate: break
        }
        guard survey.records <= manyRecords else {
            return .warning(
                .log, "\(size): reading it takes the kernel long, for each read walks the list",
                remedy: "exclude what needs no measuring from the IMA policy (dont_measure), such as log files")
        }
        let violations = survey.violations == 0 ? "" : ", \(survey.violations) of them violations"
        return .ok(.log, size + violations)
    }

    static func policy(_ facts: HostFacts) -> Finding {
        let remedy =
            "boot with ima_policy=tcb, or write rules to /etc/ima/ima-policy (ima-policies.md of the documentation)"
        if let policy = facts.policy, policy.fileRules.isEmpty {
            return .failed(.policy, "\(policy.count) rules are loaded, and none measures files", remedy: remedy)
        }
        guard case .read(let survey) = facts.log else {
            return .unknown(.policy, without: .log)
        }
        guard survey.files > 0 else {
            return .failed(.policy, "no file has been measured: no policy is loaded", remedy: remedy)
        }
        if let policy = facts.policy {
            return .ok(.policy, "\(policy.count) rules, of which \(policy.fileRules.count) measure files")
        }
        let named =
            facts.commandLine.policies.isEmpty
            ? "" : " (ima_policy=\(facts.commandLine.policies.joined(separator: "|")))"
        return .ok(.policy, "loaded\(named): \(survey.files) files are measured; this kernel doesn't show its rules")
    }

    static func template(_ facts: HostFacts) -> Finding {
        let remedy = "boot with ima_template=ima-sig (or ima-sigv2): in GRUB_CMDLINE_LINUX, then update-grub and reboot"
        guard case .read(let survey) = facts.log else { return .unknown(.template, without: .log) }
        guard survey.files > 0 else { return expectedTemplate(facts.commandLine, remedy: remedy) }
        let names = survey.templates.map { escaped($0) }.joined(separator: ", ")
        let without = survey.files - survey.filesWithSignatureField
        if without == 0 {
            return .ok(
                .template, "\(names): signatures are in the log (\(survey.signedFiles) of \(survey.files) files)")
        }
        return .warning(
            .template,
            without == survey.files
                ? "\(names) carries no signatures: only digests can be judged"
                : "\(names): \(without) of \(survey.files) files are measured without their signature",
            remedy: remedy)
    }

    /// What the first file record will be like.
    private static func expectedTemplate(_ commandLine: KernelCommandLine, remedy: String) -> Finding {
        guard let name = commandLine.templateFormat ?? commandLine.template else {
            return .warning(
                .template, "no file is measured yet, and the kernel's default template (often ima-ng) isn't known",
                remedy: remedy)
        }
        let template = Template(name: Array(name.utf8).span)
        guard let template, template.hasRoomForSignature else {
            return .warning(.template, "\(escaped(name.utf8)) carries no signatures", remedy: remedy)
        }
        return .ok(.template, "\(escaped(name.utf8)), by the kernel's command line: signatures will be in the log")
    }

    /// Where a read of the kernel's file takes a minute.
    private static let manyRecords: UInt64 = 100_000
}
