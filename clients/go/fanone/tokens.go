package fanone

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"sync"
	"time"
)

// The JOSE header of a service token.
const tokenHeader = `{"typ":"svc+jwt","alg":"EdDSA"}`

// tokens proves the program's name to each service it calls: JWTs signed with its own Ed25519 key.
type tokens struct {
	name string
	key  ed25519.PrivateKey
	life time.Duration
	now  func() time.Time

	mu   sync.Mutex
	made map[string]madeToken
}

type madeToken struct {
	token   string
	renewAt time.Time
}

// newTokens reads the key from a PEM file, as `fanone keys` makes it.
func newTokens(name, file string, life time.Duration) (*tokens, error) {
	key, err := readKey[ed25519.PrivateKey](name, file, x509.ParsePKCS8PrivateKey)
	if err != nil {
		return nil, err
	}
	return &tokens{name: name, key: key, life: life, now: time.Now, made: map[string]madeToken{}}, nil
}

// readKey reads one half of a service's key pair from a PEM file.
func readKey[Key any](name, file string, parse func([]byte) (any, error)) (Key, error) {
	var none Key
	text, err := os.ReadFile(file)
	if err != nil {
		return none, fmt.Errorf("the key of %s: %w", name, err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return none, fmt.Errorf("the key of %s: %s is no PEM file", name, file)
	}
	parsed, err := parse(block.Bytes)
	if err != nil {
		return none, fmt.Errorf("the key of %s: %s: %w", name, file, err)
	}
	key, ok := parsed.(Key)
	if !ok {
		return none, fmt.Errorf("the key of %s: %s holds no Ed25519 key", name, file)
	}
	return key, nil
}

// forCallee gives a token for calls to callee: the same one until a quarter of its life is left.
func (t *tokens) forCallee(callee string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if made, ok := t.made[callee]; ok && now.Before(made.renewAt) {
		return made.token, nil
	}
	claims, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Audience string `json:"aud"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}{t.name, callee, now.Unix(), now.Add(t.life).Unix()})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	token := encode([]byte(tokenHeader)) + "." + encode(claims)
	token += "." + encode(ed25519.Sign(t.key, []byte(token)))
	t.made[callee] = madeToken{token, now.Add(t.life - t.life/4)}
	return token, nil
}
