package lexicon

// Seals of three keys, whose secrets are 32 bytes 1, 2 and 3, on the digest of "the text"
// in the name of the body vaccines.
const (
	consentHeader = "body,digest,key,signature\n"
	consentText   = "vaccines,sha256:41a1f654dc79a9ac645afa553c31d51fd115eca8dd1cb9e6c67ae03e52718e8b,"
	consentFirst  = consentText + "ke-1+412e68e1+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c,"
	consentSecond = consentText + "ke-2+18ce44bc+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU,"
	consentThird  = consentText + "ke-3+35c1ffab+Ae1JKMYo0cLG6ukDOJBZlWEpWSc6XGP5NjbBRhSshzfR,"
	sealFirst     = "HdHj9yAg//IyiBYD/cz87NkL6yJxmUGhC/mKzyrSRRtM8TmTdskcHwD2aL2/pJnCYAqjXwOstojh2s72nXq/Cw=="
	sealThird     = "ugtdUPXd2VsxMFKLsWuZsNpxDzpVPfAP9PwMc7R9Rn5vSqNG91WHaQW4kwQd4sqlBU5OCYjMgc7LU8WS7lx2Dw=="
)

func consentVectors() []Vector {
	two := map[string]string{"threshold": "2"}
	return []Vector{
		{Data: consentHeader + consentFirst + sealFirst + "\n" + consentSecond + "\n" + consentThird + sealThird + "\n", Parameters: two, Value: "2", Holds: true},
		{Data: consentHeader + consentFirst + sealFirst + "\n" + consentSecond + "\n" + consentThird + "\n", Parameters: two, Value: "1", Holds: false},
		// The seal of the third key beside the second key is no seal, and makes all invalid.
		{Data: consentHeader + consentFirst + sealFirst + "\n" + consentSecond + sealThird + "\n" + consentThird + sealThird + "\n", Parameters: two, Value: "3", Holds: false},
	}
}
