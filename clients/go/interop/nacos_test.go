package interop

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kitexregistry "github.com/cloudwego/kitex/pkg/registry"
	"github.com/cloudwego/kitex/server"
	"github.com/kitex-contrib/registry-nacos/v2/registry"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user"
)

// What an operator changes counts within this.
const soon = 5 * time.Second

// byNacos is a site that is found through Nacos, with a user, a password and a namespace.
func byNacos(t *testing.T) *fanone.Site {
	t.Helper()
	config := config(t)
	config.Registry = variable(t, "FANONE_TEST_SITE_NACOS")
	return connect(t, config)
}

// goUsers is a user service in Go, for as far as a test needs it.
type goUsers struct{ user.UserService }

const servedByGo = "served_by_go"

func (*goUsers) GetUsers(context.Context, *user.GetUsersReq) (*user.GetUsersResp, error) {
	return &user.GetUsersResp{Base: success(), Users: []*user.User{{Username: servedByGo}}}, nil
}

// register runs a Go instance of the user service that has the weight: its port.
func register(t *testing.T, weight int) string {
	t.Helper()
	naming, err := fanone.OpenNacos(variable(t, "FANONE_TEST_SITE_NACOS"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(naming.CloseClient)
	address := serve(t, &goUsers{},
		server.WithRegistry(registry.NewNacosRegistry(naming)),
		server.WithRegistryInfo(&kitexregistry.Info{ServiceName: fanone.UserService, Weight: weight}))
	_, port, _ := net.SplitHostPort(address)
	return port
}

// isByGo says which instance answers a call.
func isByGo(site *fanone.Site) (bool, error) {
	answer, err := fanone.Answer(site.Users.GetUsers(context.Background(), &user.GetUsersReq{Ids: []int64{1}}))
	return err == nil && len(answer.Users) == 1 && answer.Users[0].Username == servedByGo, err
}

func share(t *testing.T, site *fanone.Site, calls int) (byGo int) {
	t.Helper()
	for range calls {
		is, err := isByGo(site)
		if err != nil {
			t.Fatal(err)
		}
		if is {
			byGo++
		}
	}
	return byGo
}

func TestAServiceIsFoundByItsNameInItsNamespace(t *testing.T) {
	site := byNacos(t)
	_, asUser := newUser(t, site)
	newVideo(t, site, asUser)

	elsewhere := config(t)
	nacos := variable(t, "FANONE_TEST_SITE_NACOS")
	elsewhere.Registry = nacos[:strings.LastIndex(nacos, "/")] + "/" + unique("empty")
	if _, err := isByGo(connect(t, elsewhere)); err == nil {
		t.Error("it is found in a namespace where nobody is")
	}
}

func TestRustWithWeight10AndGoWithWeight30ShareTheCallsOneToThree(t *testing.T) {
	const calls, part, tolerance = 400, 300, 15
	site := byNacos(t)
	port := register(t, 30)
	eventually(t, "the Go instance is called", func() bool { return share(t, site, 8) > 0 })
	if byGo := share(t, site, calls); byGo < part-tolerance || byGo > part+tolerance {
		t.Errorf("%d of %d calls went to Go", byGo, calls)
	}
	// And after a click: one to one.
	openConsole(t).change(t, fanone.UserService, port, "weight", "10")
	eventually(t, "the new weight counts", func() bool {
		byGo := share(t, site, 40)
		return byGo >= 19 && byGo <= 21
	})
	if byGo := share(t, site, calls); byGo < calls/2-tolerance || byGo > calls/2+tolerance {
		t.Errorf("%d of %d calls went to Go with the same weight", byGo, calls)
	}
}

func TestAnInstanceThatIsClickedOfflineGetsNoCallAndNoneFails(t *testing.T) {
	site, console := byNacos(t), openConsole(t)
	inGo := register(t, 10)
	_, inRust, _ := net.SplitHostPort(address(t, fanone.UserService))

	var byGo, byRust, failed atomic.Int64
	ctx, stop := context.WithCancel(context.Background())
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for ctx.Err() == nil {
				switch is, err := isByGo(site); {
				case err != nil:
					failed.Add(1)
					t.Log(err)
				case is:
					byGo.Add(1)
				default:
					byRust.Add(1)
				}
			}
		})
	}
	isCalled := func(calls *atomic.Int64) bool {
		before := calls.Load()
		time.Sleep(300 * time.Millisecond)
		return calls.Load() > before
	}
	for _, instance := range []struct {
		name, port string
		calls      *atomic.Int64
	}{{"Go", inGo, &byGo}, {"Rust", inRust, &byRust}} {
		eventually(t, instance.name+" is called", func() bool { return isCalled(instance.calls) })
		console.change(t, fanone.UserService, instance.port, "enabled", "false")
		clicked := time.Now()
		for isCalled(instance.calls) {
			if time.Since(clicked) > soon {
				t.Errorf("%s is still called", instance.name)
				break
			}
		}
		t.Logf("%s was offline after %s", instance.name, time.Since(clicked))
		console.change(t, fanone.UserService, instance.port, "enabled", "true")
		eventually(t, instance.name+" is called again", func() bool { return isCalled(instance.calls) })
	}
	stop()
	callers.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d calls failed, %d did not", failed.Load(), byGo.Load()+byRust.Load())
	}
}
