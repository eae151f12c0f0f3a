package fanone

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/kitex/pkg/kerrors"

	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/base"
)

func TestTheCodesAreThoseOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("../../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\d{5}) \| (\w+) \|`).FindAllStringSubmatch(string(text), -1)
	if len(rows) == 0 || len(rows) != len(names) {
		t.Errorf("the document has %d codes, the package %d", len(rows), len(names))
	}
	for _, row := range rows {
		var code Code
		fmt.Sscan(row[1], &code)
		if code.String() != row[2] {
			t.Errorf("%d is %s here and %s there", code, code, row[2])
		}
	}
}

func keyFile(t *testing.T) (string, ed25519.PublicKey) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "my.program.key")
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, public
}

func TestATokenIsForOneCalleeAndRenewedWhenAQuarterOfItsLifeIsLeft(t *testing.T) {
	file, public := keyFile(t)
	own, err := newTokens("my.program", file, 400*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Unix(1_800_000_000, 0)
	at := func(after time.Duration, callee string) string {
		own.now = func() time.Time { return start.Add(after) }
		token, err := own.forCallee(callee)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	first := at(0, UserService)
	if at(299*time.Second, UserService) != first {
		t.Error("renewed too early")
	}
	if at(300*time.Second, UserService) == first {
		t.Error("not renewed")
	}
	if at(300*time.Second, VideoService) == at(300*time.Second, UserService) {
		t.Error("two services get the same token")
	}

	parts := strings.Split(first, ".")
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	if !ed25519.Verify(public, []byte(parts[0]+"."+parts[1]), signature) {
		t.Error("the signature is wrong")
	}
	claims := map[string]any{}
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"iss": "my.program", "aud": UserService, "iat": 1.8e9, "exp": 1.8e9 + 400}
	if fmt.Sprint(claims) != fmt.Sprint(want) {
		t.Errorf("%v", claims)
	}
}

func TestAFileThatIsNoKeyIsRefusedByName(t *testing.T) {
	file := filepath.Join(t.TempDir(), "my.program.key")
	if _, err := newTokens("my.program", file, time.Minute); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	os.WriteFile(file, []byte("nonsense"), 0o600)
	if _, err := newTokens("my.program", file, time.Minute); err == nil || !strings.Contains(err.Error(), file) {
		t.Error(err)
	}
}

func TestANacosURLIsReadAsTheSiteReadsIt(t *testing.T) {
	param, err := nacosParam("us%40er:p%3Aw%2F@10.0.0.1:8848,10.0.0.2:9000/fanone")
	if err != nil {
		t.Fatal(err)
	}
	config, servers := param.ClientConfig, param.ServerConfigs
	if config.Username != "us@er" || config.Password != "p:w/" || config.NamespaceId != "fanone" {
		t.Errorf("%s %s %s", config.Username, config.Password, config.NamespaceId)
	}
	if len(servers) != 2 || servers[1].IpAddr != "10.0.0.2" || servers[1].Port != 9000 || servers[1].GrpcPort != 10000 {
		t.Errorf("%+v", servers)
	}
	for _, wrong := range []string{"", "user:hunter2@", "user:hunter2@host", "user:hunter2@host:port", "user:hunter2%@host:1"} {
		if _, err := nacosParam(wrong); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestOnlyInstancesAreAFixedList(t *testing.T) {
	for _, wrong := range []string{"", "static:", "static:fanone.user", "static:=a:1", "static:fanone.user=a", "etcd://a:1"} {
		if _, _, err := OpenRegistry(wrong); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
	if _, _, err := OpenRegistry("static:fanone.user=127.0.0.1:1, fanone.user=[::1]:2"); err != nil {
		t.Error(err)
	}
}

type answer struct{ base *base.BaseResp }

func (a answer) GetBase() *base.BaseResp { return a.base }

func TestWhatIsNoSuccessIsAnErrorWithItsCode(t *testing.T) {
	said := func(code Code, text string) answer { return answer{&base.BaseResp{Code: int32(code), Msg: text}} }
	if _, err := Answer(said(Success, "success"), nil); err != nil {
		t.Error(err)
	}
	_, err := Answer(said(UserNotFound, "user not found"), nil)
	var ours *Error
	if !errors.Is(err, UserNotFound) || errors.Is(err, Forbidden) || !errors.As(err, &ours) || ours.Message != "user not found" {
		t.Error(err)
	}
	if _, err := Answer(said(19999, "of a newer version"), nil); !errors.Is(err, Code(19999)) {
		t.Error(err)
	}
	if _, err := Answer(answer{}, nil); !errors.Is(err, Internal) {
		t.Error(err)
	}
	_, err = Answer(answer{}, kerrors.ErrRPCTimeout.WithCause(errors.New("800ms")))
	if !errors.Is(err, Unavailable) || !kerrors.IsTimeoutError(err) {
		t.Error(err)
	}
}

func TestAServerAdmitsItsCallersOnlyAndOnlyForItself(t *testing.T) {
	file, public := keyFile(t)
	strangersFile, _ := keyFile(t)
	door := &guard{name: EmbeddingService, keys: map[string]ed25519.PublicKey{Front: public}}
	now := time.Unix(1_800_000_000, 0)
	token := func(name, file, callee string) string {
		own, err := newTokens(name, file, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		own.now = func() time.Time { return now }
		token, err := own.forCallee(callee)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := token(Front, file, EmbeddingService)
	if !door.admits(good, now) || !door.admits(good, now.Add(time.Minute)) {
		t.Error("a good token is refused")
	}
	body := strings.Split(good, ".")[1]
	for what, wrong := range map[string]string{
		"none":                        "",
		"garbage":                     "a.b.c",
		"of a stranger":               token("some.stranger", file, EmbeddingService),
		"signed by another":           token(Front, strangersFile, EmbeddingService),
		"for another":                 token(Front, file, UserService),
		"without a signature":         strings.TrimSuffix(good, good[strings.LastIndex(good, ".")+1:]),
		"of the algorithm that is no": base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"svc+jwt","alg":"none"}`)) + "." + body + ".",
		"too long":                    good + strings.Repeat("A", tokenBytesMax),
	} {
		if door.admits(wrong, now) {
			t.Errorf("%s: admitted", what)
		}
	}
	if door.admits(good, now.Add(time.Minute+leeway)) {
		t.Error("an old token is admitted")
	}
}
