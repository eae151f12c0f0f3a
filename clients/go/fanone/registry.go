package fanone

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cloudwego/kitex/pkg/discovery"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/kitex-contrib/registry-nacos/v2/resolver"
	"github.com/nacos-group/nacos-sdk-go/v2/clients"
	"github.com/nacos-group/nacos-sdk-go/v2/clients/naming_client"
	"github.com/nacos-group/nacos-sdk-go/v2/common/constant"
	"github.com/nacos-group/nacos-sdk-go/v2/vo"
)

// grpcOffset lies between Nacos' HTTP port and its gRPC port.
const grpcOffset = 1000

// OpenRegistry makes a resolver from the same URL that the site has in `registry.url`:
//
//	static:fanone.user=10.0.0.1:8101,fanone.video=10.0.0.1:8102,…
//	nacos://USER:PASSWORD@HOST:8848[,HOST:8848…]/NAMESPACE
//
// Call the function that it returns when the resolver is no longer needed.
func OpenRegistry(text string) (discovery.Resolver, func(), error) {
	if list, ok := strings.CutPrefix(text, "static:"); ok {
		fixed, err := fixedList(list)
		return fixed, func() {}, err
	}
	if rest, ok := strings.CutPrefix(text, "nacos://"); ok {
		naming, err := OpenNacos(rest)
		if err != nil {
			return nil, nil, err
		}
		return resolver.NewNacosResolver(naming), naming.CloseClient, nil
	}
	return nil, nil, fmt.Errorf("the registry begins with neither static: nor nacos://")
}

// fixedList resolves to instances that never change.
func fixedList(list string) (discovery.Resolver, error) {
	services := map[string][]discovery.Instance{}
	for _, part := range strings.Split(list, ",") {
		name, address, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, _, err := net.SplitHostPort(address); !ok || name == "" || err != nil {
			return nil, fmt.Errorf("%q is no instance: NAME=HOST:PORT", part)
		}
		instance := discovery.NewInstance("tcp", address, discovery.DefaultWeight, nil)
		services[name] = append(services[name], instance)
	}
	return &discovery.SynthesizedResolver{
		TargetFunc: func(_ context.Context, target rpcinfo.EndpointInfo) string { return target.ServiceName() },
		ResolveFunc: func(_ context.Context, name string) (discovery.Result, error) {
			if len(services[name]) == 0 {
				return discovery.Result{}, fmt.Errorf("the list names no instance of %s", name)
			}
			return discovery.Result{Cacheable: true, CacheKey: name, Instances: services[name]}, nil
		},
		DiffFunc: discovery.DefaultDiff,
		NameFunc: func() string { return "static:" + list },
	}, nil
}

// OpenNacos makes the client that registry-nacos wants, for resolving as for registering, from
// USER:PASSWORD@HOST:PORT[,HOST:PORT…]/NAMESPACE; a leading nacos:// may stay.
func OpenNacos(place string) (naming_client.INamingClient, error) {
	param, err := nacosParam(strings.TrimPrefix(place, "nacos://"))
	if err != nil {
		return nil, fmt.Errorf("the Nacos registry: %w", err)
	}
	return clients.NewNamingClient(param)
}

// nacosParam never puts the text into an error: it holds the password.
func nacosParam(place string) (vo.NacosClientParam, error) {
	var none vo.NacosClientParam
	var user, password string
	if at := strings.LastIndex(place, "@"); at >= 0 {
		login, secret, _ := strings.Cut(place[:at], ":")
		var err, wrong error
		user, err = url.PathUnescape(login)
		password, wrong = url.PathUnescape(secret)
		if err != nil || wrong != nil {
			return none, fmt.Errorf("user or password has a %% that begins no %%XX")
		}
		place = place[at+1:]
	}
	hosts, namespace, _ := strings.Cut(place, "/")
	var servers []constant.ServerConfig
	for _, address := range strings.Split(hosts, ",") {
		host, digits, err := net.SplitHostPort(address)
		if err != nil {
			return none, err
		}
		port, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || host == "" {
			return none, fmt.Errorf("%q is no HOST:PORT", address)
		}
		servers = append(servers, *constant.NewServerConfig(host, port, constant.WithGrpcPort(port+grpcOffset)))
	}
	// The SDK wants a folder for what it writes, and would take the current one.
	scratch, err := os.UserCacheDir()
	if err != nil {
		scratch = os.TempDir()
	}
	config := constant.NewClientConfig(
		constant.WithNamespaceId(namespace),
		constant.WithUsername(user),
		constant.WithPassword(password),
		// What it reads from the disk it would never ask Nacos about again.
		constant.WithNotLoadCacheAtStart(true),
		constant.WithLogLevel("warn"),
		constant.WithLogDir(filepath.Join(scratch, "fanone-nacos", "log")),
		constant.WithCacheDir(filepath.Join(scratch, "fanone-nacos", "names")),
	)
	return vo.NacosClientParam{ClientConfig: config, ServerConfigs: servers}, nil
}
