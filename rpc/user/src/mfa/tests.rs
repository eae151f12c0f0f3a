//! Second factors from the first code to the last.

use futures::future::join_all;

use super::*;
use crate::testing::{PASSWORD, World};

/// Time stands still, in the middle of a step.
const NOW_MS: i64 = 1_800_000_015_000;

/// A user with a pending secret.
struct Alice {
    world: World,
    id: Id,
    secret: String,
}

impl Alice {
    async fn new() -> Self {
        let mut world = World::new().await;
        world.service.mfa.now_ms = || NOW_MS;
        world.service.login.mfa.now_ms = || NOW_MS;
        let id = world.user("alice").await;
        let secret = world.service.mfa.begin(id, "alice").await.unwrap().secret;
        Self { world, id, secret }
    }

    /// With the secret in force, by the code of the step before.
    async fn bound() -> Self {
        let alice = Self::new().await;
        alice.mfa().bind(alice.id, &alice.code(-1), None).await.unwrap();
        alice
    }

    fn mfa(&self) -> &Mfa {
        &self.world.service.mfa
    }

    /// The code so many steps from now.
    fn code(&self, steps: i64) -> String {
        let totp = parameters(Secret::try_from_base32(&self.secret).unwrap()).build().unwrap();
        totp.generate((NOW_MS / 1000 + 30 * steps).cast_unsigned()).to_string()
    }

    /// A code that is right at no near time.
    fn wrong_code(&self) -> String {
        let right: Vec<String> = (-3..=3).map(|steps| self.code(steps)).collect();
        (0..).map(|n| format!("{n:06}")).find(|code| !right.contains(code)).unwrap()
    }

    async fn login(&self, code: Option<&str>) -> Result<(), UserError> {
        self.world.service.login.login("alice", PASSWORD, code).await.map(|_| ())
    }
}

#[tokio::test]
async fn a_bound_second_factor_is_needed_to_log_in() {
    let alice = Alice::new().await;
    alice.login(None).await.unwrap();
    alice.mfa().bind(alice.id, &alice.code(-1), Some(&alice.secret.to_lowercase())).await.unwrap();
    assert!(matches!(alice.login(None).await, Err(UserError::MfaRequired)));
    assert!(matches!(alice.login(Some("")).await, Err(UserError::MfaRequired)));
    assert!(matches!(alice.login(Some("12345x")).await, Err(UserError::Field(_))));
    assert!(matches!(alice.login(Some(&alice.wrong_code())).await, Err(UserError::WrongMfaCode)));
    alice.login(Some(&alice.code(0))).await.unwrap();
    alice.login(Some(&alice.code(1))).await.unwrap();
}

#[tokio::test]
async fn a_code_is_accepted_once_even_at_once() {
    let alice = Alice::bound().await;
    assert!(matches!(alice.login(Some(&alice.code(-1))).await, Err(UserError::WrongMfaCode)), "used to bind");
    let code = alice.code(0);
    let all = join_all((0..4).map(|_| alice.login(Some(&code)))).await;
    assert_eq!(all.iter().filter(|result| result.is_ok()).count(), 1, "{all:?}");
    assert!(matches!(alice.login(Some(&code)).await, Err(UserError::WrongMfaCode)));
}

#[tokio::test]
async fn five_wrong_codes_lock_however_fast_they_come() {
    let alice = Alice::bound().await;
    let wrong = Code::parse(&alice.wrong_code()).unwrap();
    let all = join_all((0..20).map(|_| alice.mfa().check(alice.id, wrong.clone()))).await;
    let refused = all.iter().filter(|result| matches!(result, Err(UserError::WrongMfaCode))).count();
    let locked = all.iter().filter(|result| matches!(result, Err(UserError::Locked))).count();
    assert_eq!((refused, locked), (5, 15));
    assert!(matches!(alice.login(Some(&alice.code(0))).await, Err(UserError::Locked)));
}

#[tokio::test]
async fn a_right_code_forgets_the_wrong_ones() {
    let alice = Alice::bound().await;
    for steps in [0, 1] {
        for _ in 0..4 {
            let result = alice.login(Some(&alice.wrong_code())).await;
            assert!(matches!(result, Err(UserError::WrongMfaCode)));
        }
        alice.login(Some(&alice.code(steps))).await.unwrap();
    }
}

#[tokio::test]
async fn binding_needs_a_pending_secret_and_no_other() {
    let alice = Alice::new().await;
    let bob = alice.world.user("bob").await;
    let bind = alice.mfa().bind(bob, &alice.code(0), None).await;
    assert!(matches!(bind, Err(UserError::NoPendingMfa)));
    for other in ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "not base32!"] {
        let bind = alice.mfa().bind(alice.id, &alice.code(0), Some(other)).await;
        assert!(matches!(bind, Err(UserError::Field(InvalidField { field, .. })) if field == "secret"));
    }
    // Older than ten minutes.
    let sealed = alice.mfa().store.find(alice.id).await.unwrap().unwrap().pending;
    alice.mfa().store.begin(alice.id, sealed, NOW_MS).await.unwrap();
    let bind = alice.mfa().bind(alice.id, &alice.code(0), None).await;
    assert!(matches!(bind, Err(UserError::NoPendingMfa)));
}

#[tokio::test]
async fn a_bound_second_factor_is_not_replaced() {
    let alice = Alice::bound().await;
    let begin = alice.mfa().begin(alice.id, "alice").await;
    assert!(matches!(begin, Err(UserError::MfaAlreadyBound)));
    let bind = alice.mfa().bind(alice.id, &alice.code(0), None).await;
    assert!(matches!(bind, Err(UserError::MfaAlreadyBound)));
}

#[tokio::test]
async fn unbinding_needs_the_password_and_a_fresh_code() {
    let alice = Alice::bound().await;
    let (mfa, code) = (alice.mfa(), alice.code(0));
    assert!(matches!(mfa.unbind(alice.id, &code, "wrong").await, Err(UserError::WrongCredentials)));
    let wrong = alice.wrong_code();
    assert!(matches!(mfa.unbind(alice.id, &wrong, PASSWORD).await, Err(UserError::WrongMfaCode)));
    mfa.unbind(alice.id, &code, PASSWORD).await.unwrap();
    assert!(matches!(mfa.unbind(alice.id, &code, PASSWORD).await, Err(UserError::MfaNotBound)));
    alice.login(None).await.unwrap();
}

#[tokio::test]
async fn a_secret_lies_sealed_in_the_database() {
    let alice = Alice::bound().await;
    let row = alice.mfa().store.find(alice.id).await.unwrap().unwrap();
    let secret = Secret::try_from_base32(&alice.secret).unwrap();
    assert!(!row.secret.windows(secret.as_ref().len()).any(|part| part == secret.as_ref()));
    assert!(row.pending.is_empty());
}

#[tokio::test]
async fn the_url_names_the_account_even_with_a_colon_in_it() {
    let world = World::new().await;
    let id = world.user("a:b").await;
    let pending = world.service.mfa.begin(id, "a:b").await.unwrap();
    assert!(pending.url.starts_with("otpauth://totp/FanOne:a_b?"), "{}", pending.url);
    assert!(pending.url.contains(&pending.secret));
}
