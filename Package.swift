// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
]

/// A module of ours: one folder, one target.
func module(_ name: String, _ path: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

/// A command: the folder holds the argument parser and nothing that decides.
func command(_ name: String, _ path: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

/// The tests of one module, in a folder of its name under Tests. Fixtures are read in place, through `TestSupport`.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name + "Tests",
        dependencies: dependencies + ["TestSupport"],
        path: "Tests/" + name,
        swiftSettings: settings
    )
}

let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nio: [Target.Dependency] = [.product(name: "NIOCore", package: "swift-nio"), nioPosix]
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")

let package = Package(
    name: "assay",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(
            name: "COpenSSL", path: "Common/CLibs/COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CTSS2", path: "Common/CLibs/CTSS2", pkgConfig: "tss2-esys", providers: [.apt(["libtss2-dev"])]),
        .systemLibrary(
            name: "CLMDB", path: "Common/CLibs/CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(
            name: "CProtobufC", path: "Common/CLibs/CProtobufC", pkgConfig: "libprotobuf-c",
            providers: [.apt(["libprotobuf-c-dev"])]),
        .systemLibrary(
            name: "CPCRE2", path: "Common/CLibs/CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CFileSystem", path: "Common/CLibs/CFileSystem"),
        .systemLibrary(name: "CPrefetch", path: "Common/CLibs/CPrefetch"),
        .systemLibrary(name: "CTimex", path: "Common/CLibs/CTimex"),
        .target(
            name: "CAssayProto", dependencies: ["CProtobufC"], path: "Proto",
            exclude: ["assay.proto", "generate"], publicHeadersPath: "include"),

        module("Bytes", "Common/Bytes", []),
        module("Files", "Common/Files", ["CFileSystem"]),
        module("AssayCrypto", "Common/Crypto", ["COpenSSL", "Bytes"]),
        module("IMA", "Common/IMA", ["AssayCrypto", "Bytes"]),
        module("Shards", "Common/Shards", ["AssayCrypto", "Bytes", "Files", "IMA", "TPM", systemPackage]),
        module("TPM", "Common/TPM", ["AssayCrypto", "Bytes"]),
        module("Messages", "Common/Messages", ["AssayCrypto", "Bytes", "TPM"]),
        module(
            "Transport", "Common/Transport",
            nio + ["COpenSSL", "CAssayProto", "CProtobufC", "AssayCrypto", "Bytes", "Files", "Messages", "TPM"]),
        module("Terminal", "Common/Terminal", [argumentParser, logging]),
        module("Settings", "Common/Settings", ["Bytes", "Files", configuration, yams]),

        module("TPMDevice", "Agent/TPMDevice", ["CTSS2", "AssayCrypto", "Bytes", "Files", "TPM"]),
        module(
            "Attester", "Agent/Attester",
            [
                "AssayCrypto", "Bytes", "Files", "IMA", "Messages", "Shards", "TPM", "TPMDevice", "Transport",
                systemPackage,
            ]),
        module(
            "Doctor", "Agent/Doctor",
            [
                "CTimex", "AssayCrypto", "Bytes", "Files", "IMA", "Shards", "TPM", "TPMDevice", "Terminal", "Transport",
                nioPosix, systemPackage,
            ]),
        command(
            "assay-agent", "Agent/CommandLine",
            [
                "AssayCrypto", "Attester", "Bytes", "Doctor", "Files", "IMA", "Messages", "TPM", "Settings", "Shards",
                "TPMDevice", "Terminal", "Transport", argumentParser, logging, nioPosix, serviceLifecycle,
                systemPackage, unixSignals,
            ]),

        module(
            "Appraisal", "Verifier/Appraisal",
            ["CPCRE2", "CPrefetch", "AssayCrypto", "Bytes", "IMA", "Messages", "TPM"]),
        module("Offline", "Verifier/Offline", ["Appraisal", "AssayCrypto", "Bytes", "IMA", "Messages", "TPM"]),
        module(
            "Store", "Verifier/Store",
            ["CLMDB", "Appraisal", "AssayCrypto", "Bytes", "Files", "IMA", "TPM", systemPackage]),
        module(
            "Enrolment", "Verifier/Enrolment",
            ["AssayCrypto", "Bytes", "Files", "Messages", "Store", "TPM", systemPackage]),
        module(
            "Server", "Verifier/Server",
            nio + [
                "Appraisal", "AssayCrypto", "Bytes", "Enrolment", "IMA", "Messages", "Store", "TPM", "Transport",
                coreMetrics, logging, serviceLifecycle,
            ]),
        module(
            "Monitoring", "Verifier/Monitoring",
            nio + [
                "Appraisal", "AssayCrypto", "Bytes", "Server", "Store", "Transport", coreMetrics, hummingbird, logging,
                nioHTTP1, serviceLifecycle, subprocess, systemPackage,
            ]),
        command(
            "assay-verifier", "Verifier/CommandLine",
            [
                "Appraisal", "AssayCrypto", "Bytes", "Enrolment", "Files", "IMA", "Messages", "Monitoring", "Offline",
                "Server", "Settings", "Store", "TPM", "Terminal", "Transport", argumentParser, logging, nioPosix,
                serviceLifecycle, systemPackage,
                unixSignals,
            ]),

        command(
            "replay-kernel-log", "Tests/ReplayKernelLog",
            ["StandInKernel", "TPMDevice", "Terminal", argumentParser]),
        module("StandInKernel", "Tests/StandInKernel", ["AssayCrypto", "Bytes", "IMA", "TPM", "TPMDevice"]),
        module("SlowLink", "Tests/SlowLink", nio),
        module("TestSupport", "Tests/TestSupport", ["COpenSSL", "AssayCrypto", "Bytes", "IMA", "TPM"]),
        .executableTarget(
            name: "benchmarks",
            dependencies: [
                "Appraisal", "AssayCrypto", "Attester", "Bytes", "IMA", "Messages", "Offline", "Shards", "SlowLink",
                "Store", "TPM", "TPMDevice", "Terminal", "TestSupport", "Transport", argumentParser, systemPackage,
            ] + nio, path: "Tests/Benchmarks", exclude: ["Floor"], swiftSettings: settings),
        module(
            "FuzzTargets", "Tests/Fuzz/Targets", ["Appraisal", "AssayCrypto", "Bytes", "IMA", "TPM", "TestSupport"]),
        command("fuzz", "Tests/Fuzz/Runner", ["FuzzTargets"]),
        .testTarget(
            name: "FuzzTests", dependencies: ["FuzzTargets", "TestSupport"], path: "Tests/Fuzz/Replay",
            swiftSettings: settings),
        tests("Bytes", ["Bytes"]),
        tests("Files", ["Files"]),
        tests("Messages", ["Messages", "AssayCrypto", "Bytes"]),
        tests("Crypto", ["AssayCrypto", "Bytes"]),
        tests("IMA", ["IMA", "AssayCrypto", "Bytes"]),
        tests("TPM", ["TPM", "AssayCrypto", "Bytes"]),
        tests(
            "Transport",
            nio + [
                .product(name: "NIOEmbedded", package: "swift-nio"), "Transport", "AssayCrypto", "Bytes", "COpenSSL",
                "Messages", "TPM",
            ]),
        tests("TPMDevice", ["TPMDevice", "AssayCrypto", "Bytes", "TPM"]),
        tests("Appraisal", ["Appraisal", "AssayCrypto", "Bytes", "IMA", "Messages", "TPM"]),
        tests("Offline", ["Offline", "Appraisal", "AssayCrypto", "Bytes", "IMA", "TPM"]),
        command(
            "StoreWriter", "Tests/StoreWriter",
            [
                "Store", "Appraisal", "AssayCrypto", "IMA", "TPM", "TestSupport", systemPackage,
            ]),
        tests("Terminal", ["Terminal", argumentParser]),
        tests("Settings", ["Settings", "Bytes"]),
        command("ShardScribe", "Tests/ShardScribe", ["Shards", "AssayCrypto", "IMA", "TestSupport", systemPackage]),
        tests("Shards", ["Shards", "ShardScribe", "AssayCrypto", "Bytes", "IMA", "TPM", systemPackage]),
        module("FolderKernel", "Tests/FolderKernel", ["Attester", "IMA", systemPackage]),
        command(
            "TrimmingAgent", "Tests/TrimmingAgent",
            ["AssayCrypto", "Attester", "FolderKernel", "Shards", systemPackage]),
        tests(
            "Attester",
            [
                "Attester", "FolderKernel", "TrimmingAgent", "AssayCrypto", "Bytes", "IMA", "Messages", "Shards", "TPM",
                systemPackage,
            ]),
        tests(
            "Doctor",
            ["Doctor", "AssayCrypto", "Bytes", "IMA", "Shards", "TPM", "TPMDevice", "Transport", systemPackage]),
        tests(
            "Configuration",
            [
                "assay-agent", "assay-verifier", "AssayCrypto", "Bytes", "Messages", "Server", "Settings", "TPMDevice",
                "Terminal",
                "Transport",
                argumentParser,
                logging,
                systemPackage,
            ]),
        tests(
            "Server",
            [
                "Server", "Attester", "Appraisal", "AssayCrypto", "Bytes", "IMA", "Messages", "Store", "TPM",
                "Transport",
                logging, systemPackage,
            ]),
        tests("Enrolment", ["Enrolment", "AssayCrypto", "Bytes", "Files", "Messages", "Store", "TPM", systemPackage]),
        tests(
            "Monitoring",
            nio + [
                "Monitoring", "Appraisal", "AssayCrypto", "Bytes", "Server", "Store", "Transport", coreMetrics, logging,
                serviceLifecycle, systemPackage,
            ]),
        tests("Store", ["Store", "StoreWriter", "Appraisal", "AssayCrypto", "Bytes", "IMA", "TPM", systemPackage]),
        tests(
            "EndToEnd",
            nio + [
                "assay-agent", "assay-verifier", "Appraisal", "AssayCrypto", "Attester", "Bytes", "Enrolment", "Files",
                "FolderKernel", "IMA", "Messages", "Server", "Shards", "SlowLink", "StandInKernel", "Store", "TPM",
                "TPMDevice",
                "Transport", logging, serviceLifecycle, systemPackage,
            ]),
    ],
    swiftLanguageModes: [.v6]
)
