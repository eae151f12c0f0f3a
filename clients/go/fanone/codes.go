package fanone

// Code says what became of a call: the numbers of docs/errors.md. It is an error by itself, so that
// errors.Is(err, fanone.Forbidden) tests for it.
type Code int32

// Each code is explained in docs/errors.md.
const (
	Success          Code = 10000
	Internal         Code = 10001
	Parameter        Code = 10002
	NotFound         Code = 10003
	Conflict         Code = 10004
	TooManyRequests  Code = 10005
	Unavailable      Code = 10006
	NotLoggedIn      Code = 11001
	AccessExpired    Code = 11002
	RefreshInvalid   Code = 11003
	WrongCredentials Code = 11004
	MfaRequired      Code = 11005
	WrongMfaCode     Code = 11006
	Locked           Code = 11007
	Forbidden        Code = 11008
	UserNotFound     Code = 12001
	UsernameTaken    Code = 12002
	MfaAlreadyBound  Code = 12003
	MfaNotBound      Code = 12004
	NoPendingMfa     Code = 12005
	NotAPicture      Code = 12006
	NoPictureFound   Code = 12007
	VideoNotFound    Code = 13001
	NotAVideo        Code = 13002
	UploadNotFound   Code = 13003
	UploadOffset     Code = 13004
	UploadChecksum   Code = 13005
	UploadVersion    Code = 13006
	CommentNotFound  Code = 14001
	GroupNotFound    Code = 15001
	NotAMember       Code = 15002
	GroupFull        Code = 15003
	MessageNotFound  Code = 15004
)

var names = map[Code]string{
	Success: "Success", Internal: "Internal", Parameter: "Parameter", NotFound: "NotFound", Conflict: "Conflict",
	TooManyRequests: "TooManyRequests", Unavailable: "Unavailable", NotLoggedIn: "NotLoggedIn",
	AccessExpired: "AccessExpired", RefreshInvalid: "RefreshInvalid", WrongCredentials: "WrongCredentials",
	MfaRequired: "MfaRequired", WrongMfaCode: "WrongMfaCode", Locked: "Locked", Forbidden: "Forbidden",
	UserNotFound: "UserNotFound", UsernameTaken: "UsernameTaken", MfaAlreadyBound: "MfaAlreadyBound",
	MfaNotBound: "MfaNotBound", NoPendingMfa: "NoPendingMfa", NotAPicture: "NotAPicture",
	NoPictureFound: "NoPictureFound", VideoNotFound: "VideoNotFound", NotAVideo: "NotAVideo",
	UploadNotFound: "UploadNotFound", UploadOffset: "UploadOffset", UploadChecksum: "UploadChecksum",
	UploadVersion: "UploadVersion", CommentNotFound: "CommentNotFound", GroupNotFound: "GroupNotFound",
	NotAMember: "NotAMember", GroupFull: "GroupFull", MessageNotFound: "MessageNotFound",
}

// String is the code's name.
func (c Code) String() string {
	if name, ok := names[c]; ok {
		return name
	}
	return "Unknown"
}

func (c Code) Error() string { return c.String() }
