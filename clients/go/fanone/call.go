package fanone

import (
	"context"
	"strconv"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/pkg/endpoint"
	"github.com/cloudwego/kitex/pkg/remote"
	"github.com/cloudwego/kitex/pkg/remote/transmeta"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
)

// The keys of the metadata that travels with a call.
const (
	serviceToken = "FANONE_SERVICE"
	userToken    = "FANONE_USER"
)

type userKey struct{}

// AsUser makes calls with the context act for the user whose access token this is.
func AsUser(ctx context.Context, accessToken string) context.Context {
	return context.WithValue(ctx, userKey{}, accessToken)
}

// credentials sends the tokens with each call, and explains what comes back instead of an answer.
func credentials(own *tokens) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, req, resp any) error {
			token, err := own.forCallee(rpcinfo.GetRPCInfo(ctx).To().ServiceName())
			if err != nil {
				return err
			}
			ctx = metainfo.WithValue(ctx, serviceToken, token)
			if user, ok := ctx.Value(userKey{}).(string); ok {
				ctx = metainfo.WithValue(ctx, userToken, user)
			}
			return explain(next(ctx, req, resp))
		}
	}
}

// deadline tells the service how much time is left. Kitex sends the client's timeout only, and not
// that the context ends earlier.
type deadline struct{}

func (deadline) WriteMeta(ctx context.Context, msg remote.Message) (context.Context, error) {
	if end, ok := ctx.Deadline(); ok {
		left := max(time.Until(end).Milliseconds(), 1)
		msg.TransInfo().PutTransIntInfo(map[uint16]string{transmeta.RPCTimeout: strconv.FormatInt(left, 10)})
	}
	return ctx, nil
}

func (deadline) ReadMeta(ctx context.Context, _ remote.Message) (context.Context, error) {
	return ctx, nil
}
