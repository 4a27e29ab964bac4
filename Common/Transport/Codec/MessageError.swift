package import Messages

/// A message that is refused, and which field of it.
package struct MessageError: Error, Hashable, CustomStringConvertible {
    /// What is wrong.
    package enum Code: Hashable, Sendable {
        /// Not a protobuf message of this schema.
        case malformed
        /// Unpacking would take more memory than a message of its length deserves.
        case overBudget(Int)
        /// No body at all.
        case empty
        /// More than one body in one message.
        case severalBodies
        /// A body with a field number that this version doesn't know.
        case unknownMessage(UInt64)
        /// Our own message is over the frame's limit: it was not sent.
        case tooLarge(length: Int, limit: Int)
        /// A field's length in bytes, or a list's count, is outside what is allowed.
        case length(Int, allowed: ClosedRange<Int>)
        /// A number that names nothing: a bank, a PCR, an enumeration's value.
        case value(UInt64)
        /// The same thing twice in a list that names each once.
        case duplicate(UInt64)
        /// Text that isn't UTF-8.
        case notUTF8
        /// Text with a NUL inside.
        case embeddedNUL
    }

    /// What is wrong.
    package let code: Code
    /// Message or message and field, by the names of assay.proto, such as `Hello.agent_id`.
    package let place: String

    /// A refusal.
    package init(_ code: Code, in place: String) {
        self.code = code
        self.place = place
    }

    /// What to answer.
    package var status: Status {
        switch code {
        case .overBudget, .tooLarge: Status(.resourceExhausted, description)
        case .unknownMessage: Status(.unimplemented, description)
        case .malformed, .empty, .severalBodies, .length, .value, .duplicate, .notUTF8, .embeddedNUL:
            Status(.invalidArgument, description)
        }
    }

    package var description: String {
        switch code {
        case .malformed: "\(place): not a message of Proto/assay.proto"
        case .overBudget(let bytes): "\(place): unpacking it takes more than \(bytes) bytes of memory"
        case .empty: "\(place): no body"
        case .severalBodies: "\(place): more than one body"
        case .unknownMessage(let number): "\(place): body \(number) is unknown to protocol version \(protocolVersion)"
        case .tooLarge(let length, let limit): "\(place): \(length) bytes, a frame holds at most \(limit)"
        case .length(let length, let allowed):
            "\(place): length \(length), allowed are \(allowed.lowerBound) to \(allowed.upperBound)"
        case .value(let value): "\(place): value \(value) is not defined"
        case .duplicate(let value): "\(place): \(value) stands there twice"
        case .notUTF8: "\(place): not UTF-8"
        case .embeddedNUL: "\(place): a NUL inside the text"
        }
    }
}
