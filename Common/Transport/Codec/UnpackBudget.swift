import CAssayProto
import Glibc

/// The memory that unpacking one message may take. Hostile messages of 1 MiB reach 47 MB without it.
struct UnpackBudget {
    /// Bytes before each block that hold its length; 16, so that what follows is aligned for any type.
    private static let header = 16

    private var left: Int
    /// A block was refused.
    private(set) var isOverrun = false
    /// Blocks that are allocated now.
    private(set) var liveBlocks = 0

    /// For a frame of `frameLength` bytes: four times that, and enough that small structures with long lists fit.
    init(frameLength: Int) {
        left = Self.size(frameLength: frameLength)
    }

    /// The budget in bytes.
    static func size(frameLength: Int) -> Int { 4 * frameLength + 256 << 10 }

    /// The length with which a block was allocated: libprotobuf-c doesn't tell it of a `string`, whose NUL could hide
    /// the rest.
    static func length(ofBlock pointer: UnsafeRawPointer) -> Int {
        (pointer - header).load(as: Int.self)
    }

    /// An allocator over a budget, which must stay where it is as long as the allocator is used.
    static func allocator(over budget: UnsafeMutablePointer<UnpackBudget>) -> ProtobufCAllocator {
        ProtobufCAllocator(
            alloc: { data, size in
                data?.assumingMemoryBound(to: UnpackBudget.self).pointee.allocate(size)
            },
            free: { data, block in
                guard let block else { return }
                data?.assumingMemoryBound(to: UnpackBudget.self).pointee.free(block)
            },
            allocator_data: budget)
    }

    private mutating func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        guard size >= 0, left >= Self.header, size <= left - Self.header, let block = malloc(size + Self.header) else {
            isOverrun = true
            return nil
        }
        left -= size + Self.header
        liveBlocks += 1
        block.storeBytes(of: size, as: Int.self)
        return block + Self.header
    }

    private mutating func free(_ block: UnsafeMutableRawPointer) {
        liveBlocks -= 1
        Glibc.free(block - Self.header)
    }
}
