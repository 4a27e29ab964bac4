import AssayCrypto
import Bytes
import Testing

/// Signatures over "a record", made with the openssl command and throw-away keys.
struct SignatureVector: CustomTestStringConvertible {
    let name: String
    let key: String
    let hash: HashAlgorithm
    let scheme: SignatureScheme
    let signature: String

    var testDescription: String { name }

    static let message = Array("a record".utf8)

    static let all: [SignatureVector] = [
        SignatureVector(
            name: "RSA, SHA-1", key: Keys.rsa, hash: .sha1, scheme: .rsaPKCS1,
            signature:
                "4e685164b3ac02bc0865c44fde305d4b1a00ce8e597929e5d80c9cfeca69ae056e0068487beff47c46e0f04a81ca409f"
                + "5fcd295ecdefd582f8cf317833229ff327c634edecd9172b8e53bb985d6bc642c3e09740873233e2505b9cc6df477eb3"
                + "3dcdcdfbd16bfa238eea41059b93716a8975fcde566d4149c5dcdeba46f4829019a029080e0c94ae2a16b959959a1271"
                + "259c8c7f87ba3c21463b36b9538294d79a3b5e07180b90bae9a5613b438779154cd11849176ba1576cc1891be5207ea1"
                + "592c429a89e8309fa1dec77b6dbd769e7c1f8adc7af8d0331882dab44d94fb45ca0bdc0f0bb4663f8dfc18eab528b216"
                + "9fcdd4a38e04501ea6445094dab071fd"),
        SignatureVector(
            name: "RSA, SHA-256", key: Keys.rsa, hash: .sha256, scheme: .rsaPKCS1,
            signature:
                "b0ee3d014083f3ebc17b4d1f47e5ae88734a9d171b42aa907a41d1d9044823f81ec0d1c83f9e9fbd7e9750b86e1831d5"
                + "1e87746869690e09b40b70ea89d7d8f2d9d692a0ba76aa01385b923e13c78cff660ceea72e2ec10379c77bdcc543e16c"
                + "2b22ac68c451928df1886b769c7cc340c865dddc5b247b51b559b1dafcf15fa597b4127fe5fe16c52cf632d3e8ad1d6a"
                + "ea169597f00453d63cdaedf086fd37fba65d11f886c516b516f45efb8955f8aa00322a8470c982ecba455d89aa40097f"
                + "3032a4387146315a3702a49b4abf6ceacd96fe531403cddf97dbecd078dcccb4cf3580fda74f908a19e6f19355635b8c"
                + "3b085ab895ddeb8b804d970dcc82406a"),
        SignatureVector(
            name: "RSA, SHA3-256", key: Keys.rsa, hash: .sha3_256, scheme: .rsaPKCS1,
            signature:
                "b4cfb6da943ceb60559d868e809c0d42971e955fe99bbdb6f2b9ccabe18aaa260e9fa6b71c952ab6c9ba5da14037217d"
                + "0edafd688b1fd91faf33a3411ee2f19c6cc1e8c101c554204dd2f00ffa0cbd1c40b3c585fcb1e78f916d2abbe81dfe53"
                + "7ce0c493e155ab814d63222aae1e08fef19fb4640f65ad8ccd1d5df40f26fe45139f9841a3b8069c433e01664068fd3d"
                + "e044a384c56c5f5032a71ef4fdd571f8f91c6da3be95c2616906bfe18b6a8c26f7e9be0fb07fae4d914cfaa04b94d44c"
                + "7fdadce1439f40da875b88ce52b51a43a0979524dfbc29f72b99ab19c7bbbdd671817904374009db87c6b3fbda36ff8c"
                + "f791cb55605f07f8a176d0e8e3d5390f"),
        SignatureVector(
            name: "PSS, salt as long as the digest", key: Keys.rsa, hash: .sha256, scheme: .rsaPSS,
            signature:
                "b0b9b62ae31c1c2b4bfd2a9a4d9bff61d30efd3173553c0cf7d93eb3ed5bbb72302d6a56cc31e16f9686815f2292f94e"
                + "51ef808fb54bf9515cdb30b46d0c545aacc9ca9df5ab4bf55def699b85e60d4a9d69fbc2d323fefa00b7157b881cfe93"
                + "e2243da5cc26ffafe0a0e3486367198c52738174293748d08ebfe4d3a14ea86d5b8fefcc76ad4dcda9ab4f4ffc52cca3"
                + "2479121b8a54e11311fd4c2593743e0719bc080c32cf9abc3d5516b0c62fb727283d12ee9bcb8acb48b21fae86ae8495"
                + "a79fc1379a376cc5657be466f9183a3fc11063747887551ef934888bb6cfb4a780e035b9ece42aca4107b2d3940820fb"
                + "eecacfcec108f01943aed91b35a77523"),
        SignatureVector(
            name: "PSS, the longest salt", key: Keys.rsa, hash: .sha384, scheme: .rsaPSS,
            signature:
                "42122a664d5d877fbba37f6dcc1aec4a4d7ac679b65bfb3f80809e44b82a83caee5dc2066c9ff570f793f45d7c20e488"
                + "d4e2e4f5517a01844cb8a480c9d158a874ae0d49622724a0c2ad3945649bc59ceea3ae926aad28f576018673fedd7629"
                + "46a1b04f9f56f63d4096dcb7b7b060fa433c42323333a6b1dd597de65df9619c9242dc8004c86f1e46792a433c34f241"
                + "6a376fc43fbfe8d2cc330872c9be8a1b1fa6a3fbdb5d8a134c538242a3c6e14a0f9c2bc966d3251aff13ed6ca081a1f1"
                + "465b1acff41c3baba1f7222faba927ea6d2f80ccd508b322078739aa265d5c46b876f050c4a06066e32fd89c369f5529"
                + "1b95fd4c03f4b4db1aa00f9cae0facaa"),
        SignatureVector(
            name: "PSS, no salt, SHA-1", key: Keys.rsa, hash: .sha1, scheme: .rsaPSS,
            signature:
                "b055765ff06726811b282050d8277442e7c9f684116c3b169a8ab17849a4b92d21e44972575f973007f9af5fc1bce40e"
                + "42ffa4fa81caa65265fdc8249b0c96334b7ee4a5d2e5f5c8fa58ef6301efa437a5bbef84b3400314abae466abc7f386e"
                + "b41e4346e3d4943fdf70fe8bda200fb782e08dd564a79a40581edd22b5fbaf6a983a4be3d35593444caafd241800fdd9"
                + "250f2776bce0a9dc737add02f3f5075839618e9a96c287566ba3d86c6a5689f6e21714594ad734ac3c931086981dcceb"
                + "ea34dac796aa1ee4351ced54293f6471473c7423f5c7710a681c97d49a4e748696d6f877eae82b57c09198f9a8d4c919"
                + "a10145a8e53f5886b465b618ccec5907"),
        SignatureVector(
            name: "P-256, SHA-1", key: Keys.p256, hash: .sha1, scheme: .ecdsa,
            signature:
                "30440220586df6f53b8da369b1f8e8f8f3505022cd96d8dc3fc86b7f5bed60181219d66c02207feecb3d9cc95ecae501"
                + "02c23b4f627cd3b4b7761efa646c9fccc29df52d5d85"),
        SignatureVector(
            name: "P-256, SHA-256", key: Keys.p256, hash: .sha256, scheme: .ecdsa,
            signature:
                "3045022100946d57b4ead00b2561d0f6902ca3d7f5cb21b9caf0ee5ff7f702009db0e7e097022057e4ba3a747c7fc922"
                + "ca249e6dbbeb2a4865434d952428167e550e80c5c96e2c"),
        SignatureVector(
            name: "P-384", key: Keys.p384, hash: .sha384, scheme: .ecdsa,
            signature:
                "3065023100c58151b4efaef5d44f57aa18e95aa981cee7cac3b48785e02470a9ec4d7b45b294ce7b44631ec4030606da"
                + "863853762e02302a503791642010150cf3377ca4fd246e31642d1b37f8fa87726338d0664d97380201d95911e227dc46"
                + "0cb3f99e9078a5"),
        SignatureVector(
            name: "P-521", key: Keys.p521, hash: .sha512, scheme: .ecdsa,
            signature:
                "308187024200b91daf4dfbcf0d63c446697cc4e74ca1bf9c50ebb91f19a27e90ace2f4700519e354374749f9f190ff78"
                + "6628308baf5fa54ca9380c5df194f63e89257cefbf1a0c024100fd70360a229c541a46ffba1015af157f89ca3c981105"
                + "9c4afcafe532c9616cc0ab840fe982a9f126188444b50f9f8c92e583181788ce10d4320f515161975dd4"),
        SignatureVector(
            name: "secp256k1", key: Keys.secp256k1, hash: .sha256, scheme: .ecdsa,
            signature:
                "3046022100ff3cdebfa60264999038586a31fd14b588336c5787b5328865f0930e275c73dd022100f85d5ae5a33cef0a"
                + "86d7663fe747f9360054ca04999032297555eb6945279903"),
        SignatureVector(
            name: "brainpoolP256r1, SHA-224", key: Keys.brainpool, hash: .sha224, scheme: .ecdsa,
            signature:
                "3045022061fe4d18d6718e984d6faadd5de10ceb585195a1c0a865edfe38bbe3ebd4da390221008ec8c392302ad25f24"
                + "59a6385fa9504f9a04e8bd54a67a99c239a9e638e624fa"),
    ]
}

/// SubjectPublicKeyInfos in hexadecimal.
enum Keys {
    static let rsa =
        "30820122300d06092a864886f70d01010105000382010f003082010a0282010100bd8214d470af5dd5b61b5ce10e1c9a"
        + "8646957287452014a0d5ef44d591936ad3464c5dbf7fd3d97490bf35d4396c112a6b5dfd15b273adf3f4bcd65dbfad54"
        + "39f2fd29bd908f2d59f5065a6a7c0269d03bba616d68c3b6274eeb3dd845aa1074a29d96896bbd47ee5e58b42d214b07"
        + "b91fe04e039f15a9b525a8f90e44f4d1afe7c4fbd7f5739fa6cfa56b0acdf43a75086e6ecf3df3cd82bba953ff4ff89e"
        + "9d29ad665d793bc315880533ac78e9c46ce54dbb95fca9b80c71f071717e1acfb9a87375c5bb6d08d6b4ceecb54732b5"
        + "c8f978c14668f28462bee3cc5f5d0fe58240f627b1989f3047002ff91d46c55d07959353bfe17930c2631e78b03359ba"
        + "c70203010001"
    static let p256 =
        "3059301306072a8648ce3d020106082a8648ce3d030107034200040d20e4ee02a98144ea86ccb6b109bca2a89e05aaea"
        + "4eb3f41b9455f7b18f45a8247fa878096fb3c1ed78264b5045d0a0164b0de33198b631c5991796d79823ed"
    static let p384 =
        "3076301006072a8648ce3d020106052b810400220362000448f553d15195f2daf4bbecb2678220f3a0bd8d0f41be3afc"
        + "619e43aa675fe2c8dc5ad6b35c9115e520cf49e39af9957d73081f0e481e2ac8242c3caa90657bb8fe74f70782ca2ad1"
        + "ba0271aea001183beb9662e4590ce5b3184bab50a84a2a42"
    static let p521 =
        "30819b301006072a8648ce3d020106052b81040023038186000401549ae3f9c49ec1e1e86b9e206ccda166d06cd075e2"
        + "8c8a0f4570dd63c9b51ee9a94d6ec713e4b1cfd7d60f33f4c17d9d4e6441887aee36a652daf1273c5b49115d004700e6"
        + "93e339cb89ee517483075e3cfb504ba7e1b29a0530366f7acc90451cb3924381b57607537b75dd0de00c2717afaaf82d"
        + "5317fc6fbc0af9bc52408dbaa111"
    static let secp256k1 =
        "3056301006072a8648ce3d020106052b8104000a03420004587740c9e30743b817d0314916fd8146d2c24d8825b07b40"
        + "73936fdb43ad23d32fa6377ed6dedf3118dc5f7251d16aa00522f42447847f7bcf434a53775197b5"
    static let brainpool =
        "305a301406072a8648ce3d020106092b2403030208010107034200040cefc48c50ec3fb715c1ed966eae244fd27b8a77"
        + "131460b4b463ac8b9420bd6a2a0a0ab2deb7a67553043c504d43dc60d997f62c55e00c50e9f303fa3431cb93"
    static let ed25519 =
        "302a300506032b6570032100e6d94c08178a10b8112ce217e533fd5981e2c9a85dd1445c0ce2f59d5832901c"
    static let p256Compressed =
        "3039301306072a8648ce3d020106082a8648ce3d030107032200030d20e4ee02a98144ea86ccb6b109bca2a89e05aaea"
        + "4eb3f41b9455f7b18f45a8"
    static let p256Explicit =
        "3082014b3082010306072a8648ce3d02013081f7020101302c06072a8648ce3d0101022100ffffffff00000001000000"
        + "000000000000000000ffffffffffffffffffffffff305b0420ffffffff00000001000000000000000000000000ffffff"
        + "fffffffffffffffffc04205ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b031500c49d"
        + "360886e704936a6678e1139d26b7819f7e900441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a139"
        + "45d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5022100ffffffff00000000"
        + "ffffffffffffffffbce6faada7179e84f3b9cac2fc632551020101034200040d20e4ee02a98144ea86ccb6b109bca2a8"
        + "9e05aaea4eb3f41b9455f7b18f45a8247fa878096fb3c1ed78264b5045d0a0164b0de33198b631c5991796d79823ed"
}
