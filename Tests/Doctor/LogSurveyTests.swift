import Bytes
import Doctor
import IMA
import TestSupport
import Testing

@Suite("A survey of a log") struct LogSurveyTests {
    private func survey(_ bytes: [UInt8], chunk: Int = 1000) throws -> LogSurvey {
        var survey = LogSurvey()
        for start in stride(from: 0, to: bytes.count, by: chunk) {
            try survey.take(bytes[start..<min(start + chunk, bytes.count)])
        }
        return survey
    }

    private func log(of run: String) throws -> [UInt8] {
        try Fixtures.bytes("kernel/\(run)/boot1/log/binary_runtime_measurements")
    }

    @Test(
        "of a real kernel's log tells its size, its template and its keyrings, however it is cut", arguments: [7, 4096])
    func kernelLog(chunk: Int) throws {
        let bytes = try log(of: "k612-imasig-sha256")
        let survey = try survey(bytes, chunk: chunk)
        #expect(survey.bytes == UInt64(bytes.count) && survey.leftOver == 0 && !survey.isMalformed)
        #expect(survey.beginning == .bootAggregate)
        #expect(survey.templates == [Array("ima-sig".utf8)])
        #expect(survey.files == survey.filesWithSignatureField && survey.signedFiles > 0)
        #expect(survey.violations > 0)
        let keyrings = survey.keyrings.map { escaped($0) }
        #expect(keyrings.contains("_ima") && keyrings.contains(".builtin_trusted_keys"))
        // Buffers that are no keys, as the kernel's version and command line, are no keyrings.
        #expect(!keyrings.contains("kernel_version") && !keyrings.contains("kexec-cmdline"))
    }

    @Test("tells templates without signatures") func unsigned() throws {
        let survey = try survey(try log(of: "k61-imang-sha1-tis"))
        #expect(survey.templates == [Array("ima-ng".utf8)])
        #expect(survey.filesWithSignatureField == 0 && survey.files > 0)
    }

    @Test("tells several templates apart") func mixed() throws {
        let survey = try survey(try log(of: "k612-mixed-templates"))
        #expect(survey.templates.count > 3)
        #expect(survey.filesWithSignatureField > 0 && survey.filesWithSignatureField < survey.files)
    }

    @Test("tells a log that doesn't begin at boot, and one that begins without a TPM") func beginnings() throws {
        #expect(try survey([]).beginning == .nothing)
        var cut = LogBuilder()
        cut.file("/bin/true", "x")
        #expect(try survey(cut.bytes).beginning == .other)
        var bypassed = LogBuilder()
        let zeros = bypassed.digestField([UInt8](repeating: 0, count: 32))
        bypassed.add("ima-ng", zeros + bypassed.nameField("boot_aggregate"))
        #expect(try survey(bypassed.bytes).beginning == .withoutTPM)
        var late = LogBuilder()
        late.bootAggregate(name: "boot_aggregate_late")
        #expect(try survey(late.bytes).beginning == .bootAggregate)
    }

    @Test("counts what is left over, and knows what is no log") func malformed() throws {
        var builder = LogBuilder()
        builder.bootAggregate()
        builder.file("/bin/true", "x")
        let cut = try survey(Array(builder.bytes.dropLast(3)))
        #expect(cut.records == 1 && cut.leftOver > 0)
        #expect(try survey(Array("this is no log, but a text\n".utf8)).isMalformed)
        var wild = builder.bytes
        wild.replaceSubrange(24..<28, with: [0xff, 0xff, 0xff, 0x7f])
        let survey = try? survey(wild)
        #expect(survey.map { $0.isMalformed || $0.records == 0 } ?? true)
    }

    @Test("keeps no more names than a host could have") func manyNames() throws {
        let certificate = try Fixtures.bytes("kernel/k612-imasig-sha256/boot1/keys/k1.der")
        var builder = LogBuilder()
        for index in 0..<300 { builder.buffer("ring \(index)", certificate) }
        #expect(try survey(builder.bytes).keyrings.count == 256)
    }
}
