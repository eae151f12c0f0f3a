//! The second factor: time-based codes (RFC 6238), 6 digits, 30 s, one step of drift, each code once.

use fanone_base::{Id, InvalidField};
use fanone_config::Live;
use totp_rs::{Builder, Secret, Totp, TotpError};

use crate::{
    credentials::{CredentialCheck, Who},
    error::UserError,
    lockout::Lockout,
    passwords,
    seal::Seal,
    store::{Attempt, Change, MfaRow, MfaStore},
};

/// How long a pending secret waits for its first code: 10 minutes.
const PENDING_MS: i64 = 10 * 60 * 1000;
const CODE_DIGITS: usize = 6;
const ISSUER: &str = "FanOne";

/// A code that has the form of one.
#[derive(Clone)]
pub(crate) struct Code(String);

impl Code {
    /// The code that a client sent.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidField> {
        if text.is_empty() {
            return Err(InvalidField::missing("code"));
        }
        if text.len() != CODE_DIGITS || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidField::new("code", format!("must be {CODE_DIGITS} digits")));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A secret for the user's authenticator.
#[derive(Clone)]
pub(crate) struct PendingSecret {
    /// Base32.
    pub(crate) secret: String,
    /// `otpauth://`, for a QR code.
    pub(crate) url: String,
}

/// Binds, checks and unbinds second factors.
#[derive(Clone)]
pub(crate) struct Mfa {
    pub(crate) store: MfaStore,
    pub(crate) seal: Seal,
    /// When wrong codes lock.
    pub(crate) live: Live,
    pub(crate) credentials: CredentialCheck,
    /// The clock that codes go by: Unix milliseconds.
    pub(crate) now_ms: fn() -> i64,
}

impl Mfa {
    /// Whether the user needs a code to log in.
    pub(crate) async fn is_bound(&self, user: Id) -> Result<bool, UserError> {
        Ok(self.store.find(user).await?.is_some_and(|row| row.bound_at != 0))
    }

    /// Makes a secret that waits 10 minutes for its first code, in place of one that waits already.
    pub(crate) async fn begin(&self, user: Id, username: &str) -> Result<PendingSecret, UserError> {
        let secret = Secret::generate();
        // A colon would end the issuer in the URL.
        let account = username.replace(':', "_");
        let totp = parameters(secret.clone()).with_account_name(account).with_issuer(Some(ISSUER)).build()?;
        let url = totp.to_url()?;
        let sealed = self.seal.close(user, secret.as_ref())?;
        if !self.store.begin(user, sealed, (self.now_ms)() + PENDING_MS).await? {
            return Err(UserError::MfaAlreadyBound);
        }
        Ok(PendingSecret { secret: secret.to_base32(), url })
    }

    /// Puts the pending secret into force, given a code of it. `secret`, if sent, must be that secret.
    pub(crate) async fn bind(&self, user: Id, code: &str, secret: Option<&str>) -> Result<(), UserError> {
        let code = Code::parse(code)?;
        let sent = secret.filter(|secret| !secret.is_empty()).map(parse_secret).transpose()?;
        let (seal, now) = (self.seal.clone(), (self.now_ms)());
        let attempt = self.store.attempt(user, now, self.lockout(), Change::Bind, move |row: &MfaRow| {
            if row.bound_at != 0 {
                return Err(UserError::MfaAlreadyBound);
            }
            if row.pending.is_empty() || row.pending_until <= now {
                return Err(UserError::NoPendingMfa);
            }
            let pending = Secret::from(seal.open(user, &row.pending)?);
            if sent.as_ref().is_some_and(|sent| *sent != pending) {
                return Err(InvalidField::new("secret", "is not the pending secret").into());
            }
            Ok(step_of(pending, &code, now)?)
        });
        outcome(user, attempt.await?, UserError::NoPendingMfa)?;
        tracing::info!(target: "fanone::security", user_id = user.0, "MFA bound");
        Ok(())
    }

    /// Forgets the user's secret, given a code of it and the password.
    pub(crate) async fn unbind(&self, user: Id, code: &str, password: &str) -> Result<(), UserError> {
        let code = Code::parse(code)?;
        passwords::check_sent(password)?;
        if !self.is_bound(user).await? {
            return Err(UserError::MfaNotBound);
        }
        self.credentials.check(Who::User(user), password).await?;
        self.use_code(user, code, Change::Unbind).await?;
        tracing::info!(target: "fanone::security", user_id = user.0, "MFA unbound");
        Ok(())
    }

    /// Accepts a code of a bound second factor, once.
    pub(crate) async fn check(&self, user: Id, code: Code) -> Result<(), UserError> {
        self.use_code(user, code, Change::None).await
    }

    fn lockout(&self) -> Lockout {
        Lockout::of_codes(&self.live.get().limits)
    }

    async fn use_code(&self, user: Id, code: Code, change: Change) -> Result<(), UserError> {
        let (seal, now) = (self.seal.clone(), (self.now_ms)());
        let attempt = self.store.attempt(user, now, self.lockout(), change, move |row: &MfaRow| {
            if row.bound_at == 0 {
                return Err(UserError::MfaNotBound);
            }
            Ok(step_of(Secret::from(seal.open(user, &row.secret)?), &code, now)?)
        });
        outcome(user, attempt.await?, UserError::MfaNotBound)
    }
}

fn outcome(user: Id, attempt: Attempt, no_row: UserError) -> Result<(), UserError> {
    match attempt {
        Attempt::Accepted => Ok(()),
        Attempt::Refused => {
            tracing::warn!(target: "fanone::security", user_id = user.0, "wrong MFA code");
            Err(UserError::WrongMfaCode)
        }
        Attempt::Locked => Err(UserError::Locked),
        Attempt::NoRow => Err(no_row),
    }
}

fn parse_secret(text: &str) -> Result<Secret, InvalidField> {
    match Secret::try_from_base32(text.to_ascii_uppercase()) {
        Ok(secret) => Ok(secret),
        Err(_) => Err(InvalidField::new("secret", "must be base32")),
    }
}

fn parameters(secret: Secret) -> Builder {
    Builder::new().with_secret(secret).with_skew(1)
}

/// The 30 s step of which `code` is, if it is one of now, of the step before or of the one after.
fn step_of(secret: Secret, code: &Code, now: i64) -> Result<Option<i64>, TotpError> {
    let totp: Totp = parameters(secret).build()?;
    let seconds = u64::try_from(now / 1000).unwrap_or(0);
    Ok(totp.check(&code.0, seconds).and_then(|step| i64::try_from(step).ok()))
}

#[cfg(test)]
mod tests;
