package interop

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.26.0"
)

// exportTo makes the spans of a Go program go to the Jaeger.
func exportTo(t *testing.T, service string) *sdktrace.TracerProvider {
	t.Helper()
	place := strings.TrimPrefix(variable(t, "FANONE_TEST_OTLP"), "http://")
	exporter, err := otlptracegrpc.New(context.Background(), otlptracegrpc.WithEndpoint(place), otlptracegrpc.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter, sdktrace.WithBatchTimeout(100*time.Millisecond)),
		sdktrace.WithResource(resource.NewSchemaless(semconv.ServiceName(service))))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = provider.Shutdown(ctx)
	})
	return provider
}

// span is one as Jaeger shows it.
type span struct{ id, parent, service, name string }

// trace gives the spans of a trace that are there now.
func trace(t *testing.T, id string) []span {
	t.Helper()
	http := http.Client{Timeout: 10 * time.Second}
	answer, err := http.Get(variable(t, "FANONE_TEST_JAEGER") + "/api/traces/" + id)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var page struct {
		Data []struct {
			Spans []struct {
				SpanID, OperationName, ProcessID string
				References                       []struct{ RefType, SpanID string }
			}
			Processes map[string]struct{ ServiceName string }
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&page); err != nil {
		t.Fatal(err)
	}
	var spans []span
	for _, trace := range page.Data {
		for _, one := range trace.Spans {
			it := span{id: one.SpanID, service: trace.Processes[one.ProcessID].ServiceName, name: one.OperationName}
			for _, reference := range one.References {
				if reference.RefType == "CHILD_OF" {
					it.parent = reference.SpanID
				}
			}
			spans = append(spans, it)
		}
	}
	return spans
}

func find(spans []span, service, name string) *span {
	for place, one := range spans {
		if one.service == service && one.name == name {
			return &spans[place]
		}
	}
	return nil
}

func parentOf(spans []span, one *span) *span {
	for place := range spans {
		if one != nil && spans[place].id == one.parent {
			return &spans[place]
		}
	}
	return nil
}
