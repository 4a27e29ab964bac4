/// The parameters that the kernel was booted with, as far as they set IMA up.
///
/// - SeeAlso: Linux, Documentation/admin-guide/kernel-parameters.txt.
package struct KernelCommandLine: Hashable, Sendable {
    /// `ima_template=`, such as `ima-sig`; nil takes what the kernel was built with.
    package let template: String?
    /// `ima_template_fmt=`: a format of its own, such as `d-ng|n-ng|sig`.
    package let templateFormat: String?
    /// `ima_policy=`: the built-in policies, such as `tcb`.
    package let policies: [String]
    /// `ima_flush_htable`: a record that is freed is freed whole, its digest too.
    package let flushesDigests: Bool

    /// Reads /proc/cmdline. The last of a parameter counts.
    package init(_ text: String) {
        let words = text.split(whereSeparator: \.isWhitespace)
        func values(_ name: String) -> [String] {
            words.filter { $0.hasPrefix(name + "=") }
                .map { String($0.dropFirst(name.count + 1).filter { $0 != "\"" }) }
        }
        template = values("ima_template").last
        templateFormat = values("ima_template_fmt").last
        let named = values("ima_policy").flatMap { $0.split(separator: "|").map(String.init) }
        flushesDigests = words.contains { $0 == "ima_flush_htable" || $0.hasPrefix("ima_flush_htable=") }
        policies = words.contains("ima_tcb") ? named + ["tcb"] : named
    }
}
