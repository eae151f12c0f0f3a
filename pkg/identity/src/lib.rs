//! Who calls, and for whom: key files, user tokens, service tokens, the permission table, and the
//! caller of the request at hand.
//!
//! Every token is a JWT signed with Ed25519. Three types exist, and none passes as another:
//!
//! | `typ` | says | signed by | `iss` → `aud` |
//! | --- | --- | --- | --- |
//! | `at+jwt` | this user is logged in | the user service | `fanone.user` → `fanone` |
//! | `rt+jwt` | this session may be renewed | the user service | `fanone.user` → `fanone.user` |
//! | `svc+jwt` | this service calls that one | each service, with its own key | caller → callee |

mod caller;
mod gate;
mod jwt;
pub mod keys;
pub mod permissions;
mod services;
mod users;

pub use caller::{Caller, IdentityError, caller, current_session, current_user, scope};
pub use gate::Gate;
pub use jwt::TokenError;
pub use keys::{KeyError, Keys, OnMissing};
pub use permissions::ForWhom;
pub use services::{ServiceTokens, ServiceVerifier};
pub use users::{RefreshClaims, UserClaims, UserTokens, UserVerifier};
