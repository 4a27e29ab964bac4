import Appraisal
import Bytes

/// A position of an epoch's log that a quote has vouched for, kept so that an appraisal can go back to it.
///
/// Its keyrings are not stored once more: they are the model's keys that records before the position brought.
struct Position: Hashable, Sendable {
    /// As if the round had ended here; its verdict is the one that it was committed with.
    let state: AttestationState
    /// What the records before it did wrong.
    let findings: Findings
}

extension Position: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        state = try AttestationState(reading: &reader, layout: reader.u8())
        findings = try StoredFindings(reading: &reader).findings
    }

    func write(to writer: inout ByteWriter) {
        writer.u8(AttestationState.layout)
        state.write(to: &writer)
        StoredFindings(findings).write(to: &writer)
    }
}

/// Which positions of a log are kept: few, and far from each other.
package enum PositionSpacing {
    /// Positions kept of one agent.
    package static let limit = 4

    /// Drops positions until no more than the limit are left: each time the one that lies closest between its neighbours.
    ///
    /// - Parameters:
    ///   - positions: ascending by record.
    ///   - record: the record that a position stands before.
    package static func thin<Position>(_ positions: inout [Position], by record: (Position) -> UInt64) {
        while positions.count > limit {
            let records = positions.map(record)
            // The last one has no successor: it is as far from its predecessor as the log has grown since.
            let gaps = records.indices.map { index in
                let before = index > 0 ? records[index - 1] : 0
                let after = index + 1 < records.count ? records[index + 1] : .max
                return after - min(before, after)
            }
            guard let closest = gaps.indices.min(by: { gaps[$0] < gaps[$1] }) else { return }
            positions.remove(at: closest)
        }
    }
}
