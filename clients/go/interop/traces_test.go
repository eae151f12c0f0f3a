package interop

import (
	"testing"

	"go.opentelemetry.io/otel"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/interaction"
)

func TestATraceThatBeginsInGoGoesOnIntoTheSQLOfTheService(t *testing.T) {
	const caller = "go.program"
	provider := exportTo(t, caller)
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(provider)
	t.Cleanup(func() { otel.SetTracerProvider(before) })

	site := connect(t, config(t))
	_, asUser := newUser(t, site)
	published := newVideo(t, site, asUser)
	ctx, root := provider.Tracer("test").Start(asUser, "a visitor likes a video")
	_, err := fanone.Answer(site.Interactions.Like(ctx, &interaction.LikeReq{VideoId: &published.Id, On: true}))
	root.End()
	if err != nil {
		t.Fatal(err)
	}

	id := root.SpanContext().TraceID().String()
	var spans []span
	var served, sql *span
	eventually(t, "the trace is in Jaeger with the service's SQL", func() bool {
		spans = trace(t, id)
		served = find(spans, fanone.InteractionService, "fanone.interaction/Like")
		sql = find(spans, fanone.InteractionService, "INSERT outbox")
		return served != nil && sql != nil && parentOf(spans, served) != nil
	})
	called := parentOf(spans, served)
	if called.service != caller || called.parent != root.SpanContext().SpanID().String() {
		t.Errorf("the service's span is a part of %+v", called)
	}
	transaction := parentOf(spans, sql)
	if transaction == nil || transaction.name != "transaction" || transaction.parent != served.id {
		t.Errorf("the SQL is a part of %+v\n%+v", transaction, spans)
	}
}
