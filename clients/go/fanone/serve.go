package fanone

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/pkg/discovery"
	"github.com/cloudwego/kitex/pkg/endpoint"
	kitexregistry "github.com/cloudwego/kitex/pkg/registry"
	"github.com/cloudwego/kitex/pkg/remote"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/server"
	"github.com/kitex-contrib/obs-opentelemetry/tracing"
	"github.com/kitex-contrib/registry-nacos/v2/registry"
)

// EmbeddingService is the name under which the site looks for a model of pictures.
const EmbeddingService = "fanone.embedding"

// Front is the one who calls it.
const Front = "fanone.http"

const (
	tokenBytesMax = 2048
	// How far the clocks of two machines may differ.
	leeway = 5 * time.Second
)

// ServerConfig is for a program that the site calls, such as a model of pictures.
type ServerConfig struct {
	// Name is that under which it is found, such as EmbeddingService.
	Name string
	// Audience is whom the callers' tokens name; empty: Name. For a model it is always EmbeddingService.
	Audience string
	// Listen is HOST:PORT; with a Nacos, as others reach it.
	Listen string
	// Registry is where it is registered: nacos://…, see OpenRegistry. Empty: nowhere.
	Registry string
	// Keys is a folder with CALLER.pub of each caller, as `fanone keys` makes them.
	Keys string
	// Callers are the services that may call it.
	Callers []string
}

// ServerOptions make a Kitex server that is found, admits its callers only, stops at their deadlines
// and goes on with their traces. Call the function that it returns when the server has stopped.
func ServerOptions(config ServerConfig) ([]server.Option, func(), error) {
	admit, err := newGuard(config)
	if err != nil {
		return nil, nil, err
	}
	place, err := net.ResolveTCPAddr("tcp", config.Listen)
	if err != nil {
		return nil, nil, err
	}
	options := []server.Option{
		server.WithServiceAddr(place),
		server.WithServerBasicInfo(&rpcinfo.EndpointBasicInfo{ServiceName: config.Name}),
		server.WithEnableContextTimeout(true),
		server.WithSuite(tracing.NewServerSuite(tracing.WithTextMapPropagator(traces))),
		server.WithMiddleware(admit.middleware),
	}
	if config.Registry == "" {
		return options, func() {}, nil
	}
	naming, err := OpenNacos(config.Registry)
	if err != nil {
		return nil, nil, err
	}
	tags := map[string]string{"language": "go", "framework": "kitex", "protocol": "thrift", "transport": "ttheader"}
	info := &kitexregistry.Info{ServiceName: config.Name, Weight: discovery.DefaultWeight, Tags: tags}
	options = append(options, server.WithRegistry(registry.NewNacosRegistry(naming)), server.WithRegistryInfo(info))
	return options, naming.CloseClient, nil
}

// guard holds the tokens of calls against the callers' public keys.
type guard struct {
	name string
	keys map[string]ed25519.PublicKey
}

func newGuard(config ServerConfig) (*guard, error) {
	it := &guard{name: cmp.Or(config.Audience, config.Name), keys: map[string]ed25519.PublicKey{}}
	for _, caller := range config.Callers {
		file := filepath.Join(config.Keys, caller+".pub")
		key, err := readKey[ed25519.PublicKey](caller, file, x509.ParsePKIXPublicKey)
		if err != nil {
			return nil, err
		}
		it.keys[caller] = key
	}
	return it, nil
}

func (g *guard) middleware(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, req, resp any) error {
		token, _ := metainfo.GetValue(ctx, serviceToken)
		if !g.admits(token, time.Now()) {
			return remote.NewTransErrorWithMsg(int32(Forbidden), fmt.Sprintf("%d forbidden", Forbidden))
		}
		return next(ctx, req, resp)
	}
}

// admits says whether a caller of ours made the token for this service, and it is still good.
func (g *guard) admits(token string, now time.Time) bool {
	parts := strings.Split(token, ".")
	if len(token) > tokenBytesMax || len(parts) != 3 {
		return false
	}
	var header struct {
		Type      string `json:"typ"`
		Algorithm string `json:"alg"`
	}
	var claims struct {
		Issuer   string `json:"iss"`
		Audience string `json:"aud"`
		Expires  int64  `json:"exp"`
	}
	if !read(parts[0], &header) || header.Type != "svc+jwt" || header.Algorithm != "EdDSA" || !read(parts[1], &claims) {
		return false
	}
	key, known := g.keys[claims.Issuer]
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	return known && err == nil && ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), signature) &&
		claims.Audience == g.name && now.Before(time.Unix(claims.Expires, 0).Add(leeway))
}

func read(part string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}
