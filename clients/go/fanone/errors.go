package fanone

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cloudwego/kitex/pkg/circuitbreak"
	"github.com/cloudwego/kitex/pkg/kerrors"

	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/base"
)

// Error is what a service said instead of success, or why there is no answer.
type Error struct {
	// Code tells what happened; errors.Is compares with it.
	Code Code
	// Message is for people.
	Message string
	cause   error
}

func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Code, e.Code, e.Message) }

// Is makes errors.Is(err, fanone.Forbidden) work.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Unwrap gives the error of Kitex; nil if the method itself answered.
func (e *Error) Unwrap() error { return e.cause }

// Answer gives the answer of a call that succeeded, and an *Error for anything else:
//
//	feed, err := fanone.Answer(site.Videos.Feed(ctx, &video.FeedReq{}))
func Answer[T interface{ GetBase() *base.BaseResp }](answer T, err error) (T, error) {
	var none T
	if err != nil {
		return none, explain(err)
	}
	said := answer.GetBase()
	switch {
	case said == nil:
		return none, &Error{Code: Internal, Message: "an answer without a code"}
	case Code(said.Code) != Success:
		return none, &Error{Code: Code(said.Code), Message: said.Msg}
	}
	return answer, nil
}

// explain makes an *Error of what Kitex says. What is none of the call's doing, such as a cancelled context, stays.
func explain(err error) error {
	var ours *Error
	if err == nil || errors.As(err, &ours) || errors.Is(err, kerrors.ErrCanceledByBusiness) {
		return err
	}
	if kerrors.IsTimeoutError(err) {
		return &Error{Code: Unavailable, Message: "no answer came in time", cause: err}
	}
	var exception interface{ TypeID() int32 }
	if errors.As(err, &exception) {
		code := Code(exception.TypeID())
		if _, ok := names[code]; !ok {
			return &Error{Code: Internal, Message: err.Error(), cause: err}
		}
		text := exception.(error).Error()
		message := strings.TrimPrefix(text, fmt.Sprintf("%d ", code))
		return &Error{Code: code, Message: message, cause: forBreaker(code, err)}
	}
	for _, kind := range []error{
		kerrors.ErrRemoteOrNetwork, kerrors.ErrGetConnection, kerrors.ErrServiceDiscovery,
		kerrors.ErrLoadbalance, kerrors.ErrCircuitBreak,
	} {
		if errors.Is(err, kind) {
			return &Error{Code: Unavailable, Message: err.Error(), cause: err}
		}
	}
	return err
}

// A healthy service says such things; a circuit breaker must not count them as failures. Too many
// requests, a timeout and a fault are another matter.
func forBreaker(code Code, err error) error {
	switch code {
	case NotLoggedIn, AccessExpired, Forbidden:
		return circuitbreak.WrapErrorWithType(err, circuitbreak.TypeIgnorable)
	}
	return err
}
