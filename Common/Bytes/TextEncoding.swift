/// Why bytes aren't text in UTF-8, where they are in an encoding that editors write unasked; nil if nothing tells so.
///
/// UTF-16 is known by its mark, or by the zero byte that each letter of ASCII has in it.
package func encodingProblem(_ bytes: [UInt8]) -> String? {
    let start = Array(bytes.prefix(2))
    let hasMark = start == [0xff, 0xfe] || start == [0xfe, 0xff]
    let isUTF16 = hasMark || start.count == 2 && start.contains(0) && start != [0, 0]
    return isUTF16 ? "this file is UTF-16: save it as UTF-8" : nil
}
