//! Tokens of every kind, right and wrong, made with the key files of a running site.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fanone_identity::permissions::{Permissions, SERVICES};
use fanone_tests::Site;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::idl::Method;

const SERVICE: &str = "svc+jwt";
const ACCESS: &str = "at+jwt";
const REFRESH: &str = "rt+jwt";
const LIFE_S: i64 = 600;
/// Further back than clocks may differ.
const EXPIRED_S: i64 = -60;

/// Some user that there is not: no method may find out before it has checked the token.
const USER: &str = "4611686018427387904";

/// Two sets of key files: the site's, and one of a site that nobody knows.
pub(crate) struct Tokens {
    ours: PathBuf,
    foreign: tempfile::TempDir,
}

/// What a wrong token is like, and the token.
pub(crate) type Wrong = (String, String);

impl Tokens {
    /// Of a site in development mode, which keeps its keys with its data.
    pub(crate) fn of(site: &Site) -> Self {
        let foreign = tempfile::tempdir().unwrap();
        fanone_identity::keys::generate_all(foreign.path()).unwrap();
        Self { ours: site.data_dir().join("keys"), foreign }
    }

    /// What an admitted caller of `method` sends.
    pub(crate) fn service(&self, method: &Method) -> String {
        self.service_of(callers(method, true)[0], method)
    }

    /// What `caller` sends to `method`.
    pub(crate) fn service_of(&self, caller: &str, method: &Method) -> String {
        sign(&self.ours, caller, SERVICE, &claims(caller, &method.service, LIFE_S))
    }

    /// What a logged-in user sends.
    pub(crate) fn access(&self) -> String {
        sign(&self.ours, "user-tokens", ACCESS, &user_claims("fanone", LIFE_S))
    }

    /// Service tokens that must open `method` for nobody.
    pub(crate) fn wrong_services(&self, method: &Method) -> Vec<Wrong> {
        let (callee, caller) = (method.service.as_str(), callers(method, true)[0]);
        let elsewhere = *SERVICES.iter().find(|name| **name != callee).unwrap();
        let right = claims(caller, callee, LIFE_S);
        let ours = |key: &str, typ: &str, claims: &Value| sign(&self.ours, key, typ, claims);
        let mut wrong = vec![
            ("no token", String::new()),
            ("garbage", "neither.a.token".to_owned()),
            ("one that has expired", ours(caller, SERVICE, &claims(caller, callee, EXPIRED_S))),
            ("one for another service", ours(caller, SERVICE, &claims(caller, elsewhere, LIFE_S))),
            ("one signed by a foreign key", sign(self.foreign.path(), caller, SERVICE, &right)),
            ("one signed by the callee's key", ours(callee, SERVICE, &right)),
            ("one of another type", ours(caller, ACCESS, &right)),
            ("a user's access token", self.access()),
            ("one that is not signed", unsigned(SERVICE, &right)),
            ("one of an unknown service", ours(caller, SERVICE, &claims("fanone.nobody", callee, LIFE_S))),
        ];
        for claim in ["iss", "aud", "exp"] {
            let mut less = right.clone();
            less.as_object_mut().unwrap().remove(claim);
            wrong.push(("one that lacks a claim", ours(caller, SERVICE, &less)));
        }
        let mut wrong: Vec<Wrong> = wrong.into_iter().map(|(what, token)| (what.to_owned(), token)).collect();
        for other in callers(method, false) {
            let token = ours(other, SERVICE, &claims(other, callee, LIFE_S));
            wrong.push((format!("one of {other}, which may not call it"), token));
        }
        wrong
    }

    /// User tokens that prove no log-in, each with the code that says so.
    pub(crate) fn wrong_users(&self) -> Vec<(&'static str, String, i32)> {
        let right = user_claims("fanone", LIFE_S);
        let ours = |key: &str, typ: &str, claims: &Value| sign(&self.ours, key, typ, claims);
        let refresh = user_claims("fanone.user", LIFE_S);
        vec![
            ("no token", String::new(), 11001),
            ("garbage", "neither.a.token".to_owned(), 11001),
            ("one that has expired", ours("user-tokens", ACCESS, &user_claims("fanone", EXPIRED_S)), 11002),
            ("a refresh token", ours("user-tokens", REFRESH, &refresh), 11001),
            ("a refresh token's claims", ours("user-tokens", ACCESS, &refresh), 11001),
            ("one signed by a foreign key", sign(self.foreign.path(), "user-tokens", ACCESS, &right), 11001),
            ("one signed by the front", ours("fanone.http", ACCESS, &right), 11001),
            ("one that is not signed", unsigned(ACCESS, &right), 11001),
        ]
    }
}

/// The services that may call `method`, or those that may not.
fn callers(method: &Method, admitted: bool) -> Vec<&'static str> {
    let table = Permissions::of(&method.service, &[]);
    let rule = table.rule(&method.name);
    let rule = rule.unwrap_or_else(|| panic!("{} is not in the permission table", method.name));
    SERVICES.iter().copied().filter(|name| rule.admits(name) == admitted).collect()
}

fn claims(issuer: &str, audience: &str, life_s: i64) -> Value {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let expires_at = i64::try_from(now_s).unwrap() + life_s;
    json!({ "iss": issuer, "aud": audience, "iat": expires_at - LIFE_S, "exp": expires_at })
}

fn user_claims(audience: &str, life_s: i64) -> Value {
    let mut claims = claims("fanone.user", audience, life_s);
    let user = [("sub", json!(USER)), ("sid", json!(USER)), ("jti", json!("1")), ("gen", json!(0))];
    claims.as_object_mut().unwrap().extend(user.map(|(name, value)| (name.to_owned(), value)));
    claims
}

fn sign(keys: &Path, key: &str, typ: &str, claims: &Value) -> String {
    let pem = fs::read(keys.join(format!("{key}.key"))).unwrap();
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(typ.to_owned());
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_pem(&pem).unwrap()).unwrap()
}

fn unsigned(typ: &str, claims: &Value) -> String {
    let header = json!({ "alg": "none", "typ": typ });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&header), part(claims))
}
