package interop

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// console is Nacos as an operator sees it, through the HTTP API of its pages.
type console struct {
	base, namespace, token string
	http                   http.Client
}

func openConsole(t *testing.T) *console {
	t.Helper()
	place, err := url.Parse(variable(t, "FANONE_TEST_NACOS_CONSOLE"))
	if err != nil {
		t.Fatal(err)
	}
	site := variable(t, "FANONE_TEST_SITE_NACOS")
	it := &console{
		base:      "http://" + place.Host + place.Path + "/v1/",
		namespace: site[strings.LastIndex(site, "/")+1:],
		http:      http.Client{Timeout: 10 * time.Second},
	}
	password, _ := place.User.Password()
	var login struct{ AccessToken string }
	text := it.call(t, http.MethodPost, "auth/login", url.Values{"username": {place.User.Username()}, "password": {password}})
	if err := json.Unmarshal(text, &login); err != nil || login.AccessToken == "" {
		t.Fatalf("no token: %v", err)
	}
	it.token = login.AccessToken
	return it
}

func (c *console) call(t *testing.T, method, path string, parameters url.Values) []byte {
	t.Helper()
	parameters.Set("namespaceId", c.namespace)
	request, err := http.NewRequest(method, c.base+path+"?"+parameters.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	answer, err := c.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %v %s", method, path, answer.Status, err, text)
	}
	return text
}

// instances are the rows of a service's page.
func (c *console) instances(t *testing.T, service string) []map[string]any {
	t.Helper()
	var page struct{ List []map[string]any }
	text := c.call(t, http.MethodGet, "ns/catalog/instances", url.Values{
		"serviceName": {service}, "groupName": {"DEFAULT_GROUP"}, "clusterName": {"DEFAULT"}, "pageNo": {"1"}, "pageSize": {"100"},
	})
	// A service that nobody has registered yet is answered with a text.
	_ = json.Unmarshal(text, &page)
	return page.List
}

// change clicks in the row of the instance on port. As in the console all of the row is sent: what is left out is lost.
func (c *console) change(t *testing.T, service, port, field, value string) {
	t.Helper()
	for _, row := range c.instances(t, service) {
		if shown(row["port"]) != port {
			continue
		}
		parameters := url.Values{"serviceName": {service}, "clusterName": {"DEFAULT"}}
		for _, key := range []string{"ip", "port", "weight", "metadata", "ephemeral", "enabled"} {
			parameters.Set(key, shown(row[key]))
		}
		parameters.Set(field, value)
		c.call(t, http.MethodPut, "ns/instance", parameters)
		return
	}
	t.Fatalf("%s has no instance on port %s", service, port)
}

func shown(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	text, _ := json.Marshal(value)
	return string(text)
}
