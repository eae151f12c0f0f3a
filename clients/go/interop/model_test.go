package interop

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"testing"
	"time"

	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"go.opentelemetry.io/otel"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/embedding"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/embedding/embeddingservice"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user"
)

// The site's setting model.timeout_ms.
const modelTimeout = 2 * time.Second

// goModel tells of each call with how much time it was given, and answers when it may.
type goModel struct {
	called chan time.Duration
	ended  chan struct{}
	isSlow bool
}

func (m *goModel) Embed(ctx context.Context, req *embedding.EmbedReq) (*embedding.EmbedResp, error) {
	given := rpcinfo.GetRPCInfo(ctx).Config().RPCTimeout()
	if m.isSlow {
		<-ctx.Done()
		m.ended <- struct{}{}
	}
	m.called <- given
	return &embedding.EmbedResp{Base: success(), Vector: bytes.Repeat([]byte{0, 0, 128, 63}, 48), Model: req.Model}, nil
}

// serveModel registers the model in the site's Nacos until the test ends.
func serveModel(t *testing.T, isSlow bool) *goModel {
	t.Helper()
	options, done, err := fanone.ServerOptions(fanone.ServerConfig{
		Name: fanone.EmbeddingService, Listen: "127.0.0.1:0", Registry: variable(t, "FANONE_TEST_SITE_NACOS"),
		Keys: keys(t), Callers: []string{fanone.Front},
	})
	if err != nil {
		t.Fatal(err)
	}
	model := &goModel{called: make(chan time.Duration, 100), ended: make(chan struct{}, 100), isSlow: isSlow}
	running := embeddingservice.NewServer(model, options...)
	ended := make(chan error, 1)
	go func() { ended <- running.Run() }()
	t.Cleanup(func() {
		_ = running.Stop()
		<-ended
		done()
	})
	return model
}

// upload gives an avatar to the front as a browser does.
func upload(t *testing.T, accessToken, traceparent string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("data", "avatar.png")
	if err != nil {
		t.Fatal(err)
	}
	part.Write(picture(t))
	form.Close()
	request, err := http.NewRequest(http.MethodPut, variable(t, "FANONE_TEST_SITE")+"/user/avatar/upload", &body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Access-Token", accessToken)
	request.Header.Set("traceparent", traceparent)
	answer, err := (&http.Client{Timeout: 20 * time.Second}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if answer.StatusCode != http.StatusOK || !bytes.Contains(text, []byte(`"code":10000`)) {
		t.Fatalf("%s %s", answer.Status, text)
	}
}

func login(t *testing.T, site *fanone.Site) string {
	t.Helper()
	name, _ := newUser(t, site)
	login, err := fanone.Answer(site.Users.Login(context.Background(), &user.LoginReq{Username: name, Password: password}))
	if err != nil {
		t.Fatal(err)
	}
	return login.Tokens.AccessToken
}

func TestTheFrontFindsAModelInGoAndItsTraceGoesOnThere(t *testing.T) {
	const service = "go.model"
	provider := exportTo(t, service)
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(provider)
	t.Cleanup(func() { otel.SetTracerProvider(before) })

	accessToken := login(t, connect(t, config(t)))
	model := serveModel(t, false)
	var id string
	var given time.Duration
	// The front finds it within a second, and leaves a model alone for as long after a call that failed.
	eventually(t, "the model is called", func() bool {
		id = fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()|1)
		upload(t, accessToken, "00-"+id+"-b7ad6b7169203331-01")
		select {
		case given = <-model.called:
			return true
		default:
			return false
		}
	})
	if given <= 0 || given > modelTimeout {
		t.Errorf("the model was given %s", given)
	}
	eventually(t, "the model's span is in Jaeger, a part of the front's call", func() bool {
		spans := trace(t, id)
		called := find(spans, fanone.Front, "fanone.embedding/Embed")
		for _, one := range spans {
			if one.service == service && called != nil && one.parent == called.id {
				return true
			}
		}
		return false
	})
}

func TestASlowModelInGoIsToldToStopAndTheUploadGoesOn(t *testing.T) {
	accessToken := login(t, connect(t, config(t)))
	model := serveModel(t, true)
	eventually(t, "the model is called, and stops", func() bool {
		upload(t, accessToken, "")
		select {
		case <-model.ended:
			return true
		default:
			return false
		}
	})
}
