// Package fanone builds Kitex clients for the services of a FanOne site: they find its instances,
// prove the program's name with every call, pass on deadlines and traces, and keep their connections.
package fanone

import (
	"errors"
	"flag"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/connpool"
	"github.com/cloudwego/kitex/pkg/loadbalance"
	"github.com/cloudwego/kitex/pkg/loadbalance/lbcache"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/kitex-contrib/obs-opentelemetry/tracing"
	"go.opentelemetry.io/otel/propagation"

	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/interaction/interactionservice"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/social/socialservice"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user/userservice"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/video/videoservice"
)

// The names of the services, in the registry as in tokens.
const (
	UserService        = "fanone.user"
	VideoService       = "fanone.video"
	InteractionService = "fanone.interaction"
	SocialService      = "fanone.social"
)

const (
	defaultTimeout = 2 * time.Second
	connectTimeout = 200 * time.Millisecond
	tokenLife      = 5 * time.Minute
	// How soon a change in the registry counts.
	refresh = 500 * time.Millisecond
)

// Below the 120 s after which the services close an idle connection.
var connections = connpool.IdleConfig{MaxIdlePerAddress: 64, MaxIdleGlobal: 256, MaxIdleTimeout: 30 * time.Second}

// As W3C has it, whatever the program has set for all its libraries.
var traces = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

// Config says who calls, and where the site is.
type Config struct {
	// Name is this program's, one of the site's `identity.clients`.
	Name string
	// Key is the file of its private key: `fanone keys FOLDER --client NAME` makes it.
	Key string
	// Registry is what the site has in `registry.url`: see OpenRegistry.
	Registry string
	// Timeout is the longest that a call may take; 0 means 2 s. An earlier deadline of its context holds.
	Timeout time.Duration
	// Options are added to those of all clients, such as a circuit breaker.
	Options []client.Option
}

// AddFlags lets the command line set the configuration.
func (c *Config) AddFlags(flags *flag.FlagSet) {
	flags.StringVar(&c.Name, "name", c.Name, "this program's name, one of the site's identity.clients")
	flags.StringVar(&c.Key, "key", c.Key, "file of its private key")
	flags.StringVar(&c.Registry, "registry", c.Registry, "registry.url of the site: static:NAME=HOST:PORT,… or nacos://…")
	flags.DurationVar(&c.Timeout, "timeout", defaultTimeout, "the longest that a call may take")
}

// Site has a client for each service. All may be used by any number of goroutines.
type Site struct {
	Users        userservice.Client
	Videos       videoservice.Client
	Interactions interactionservice.Client
	Social       socialservice.Client

	close func()
}

// Connect makes the clients; it calls nobody yet.
func Connect(config Config) (*Site, error) {
	options, done, err := ClientOptions(config)
	if err != nil {
		return nil, err
	}
	site := &Site{close: done}
	var faults [4]error
	site.Users, faults[0] = userservice.NewClient(UserService, options...)
	site.Videos, faults[1] = videoservice.NewClient(VideoService, options...)
	site.Interactions, faults[2] = interactionservice.NewClient(InteractionService, options...)
	site.Social, faults[3] = socialservice.NewClient(SocialService, options...)
	if err := errors.Join(faults[:]...); err != nil {
		done()
		return nil, err
	}
	return site, nil
}

// Close leaves the registry. Calls that are under way go on.
func (s *Site) Close() { s.close() }

// ClientOptions are what Connect gives to the four clients, for whoever makes others.
// Call the function that it returns when the clients are no longer needed.
func ClientOptions(config Config) ([]client.Option, func(), error) {
	if config.Timeout <= 0 {
		config.Timeout = defaultTimeout
	}
	own, err := newTokens(config.Name, config.Key, tokenLife)
	if err != nil {
		return nil, nil, err
	}
	resolver, done, err := OpenRegistry(config.Registry)
	if err != nil {
		return nil, nil, err
	}
	// Not shared between clients: Kitex would share it by the resolver's name, and that is the same for every Nacos.
	balancer := &lbcache.Options{RefreshInterval: refresh, Cacheable: false}
	options := []client.Option{
		client.WithResolver(resolver),
		client.WithLoadBalancer(loadbalance.NewWeightedBalancer(), balancer),
		client.WithClientBasicInfo(&rpcinfo.EndpointBasicInfo{ServiceName: config.Name}),
		client.WithLongConnection(connections),
		client.WithConnectTimeout(connectTimeout),
		client.WithRPCTimeout(config.Timeout),
		// TTHeader, which carries all that follows, and the span of each call.
		client.WithSuite(tracing.NewClientSuite(tracing.WithTextMapPropagator(traces))),
		client.WithMiddleware(credentials(own)),
		client.WithMetaHandler(deadline{}),
	}
	return append(options, config.Options...), done, nil
}
