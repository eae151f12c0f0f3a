//! Every method, with every kind of wrong token, and with the right ones.

use std::collections::BTreeSet;

use fanone_identity::permissions;
use fanone_tests::Site;

use crate::{
    address,
    idl::{Idl, Method},
    tokens::Tokens,
    wire::{self, Answer},
};

const FORBIDDEN: i32 = 11008;

/// What is not as it should be; the test goes on to find all of it.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    /// Notes it unless the call was refused with `code`, in the exception's type and in its text.
    fn unless_refused(&mut self, method: &Method, what: &str, code: i32, seen: &std::io::Result<Answer>) {
        let is_refusal = |kind: i32, text: &str| kind == code && text.starts_with(&format!("{code} "));
        if !matches!(seen, Ok(Answer::Exception(kind, text)) if is_refusal(*kind, text)) {
            self.0.push(format!("{}/{} with {what}: {seen:?}", method.service, method.name));
        }
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        assert!(self.0.is_empty() || std::thread::panicking(), "{}", self.0.join("\n"));
    }
}

async fn call(site: &Site, idl: &Idl, method: &Method, service: &str, user: &str) -> std::io::Result<Answer> {
    let message = wire::with_tokens(service, user, &wire::call_with_zeros(idl, method));
    wire::ask(&address(site, &method.service), &message).await
}

#[test]
fn the_methods_of_the_idl_are_those_of_the_permission_table() {
    let found: BTreeSet<_> =
        Idl::read().methods.into_iter().map(|method| (method.service, method.name)).collect();
    let of = |service: &'static str| permissions::methods(service).map(move |name| (service, name));
    let services = permissions::SERVICES.iter().chain([&permissions::EMBEDDING]);
    let table: BTreeSet<_> = services.flat_map(|service| of(service)).collect();
    assert!(!table.is_empty());
    assert_eq!(found, table.into_iter().map(|(service, name)| (service.into(), name.into())).collect());
}

#[tokio::test]
async fn every_method_refuses_a_caller_that_does_not_prove_it_is_admitted() {
    let site = Site::shared().await;
    let (idl, tokens, mut faults) = (Idl::read(), Tokens::of(site), Faults::default());
    // So that nothing but the service token can be the reason.
    let user = tokens.access();
    for method in idl.served() {
        for (what, token) in tokens.wrong_services(method) {
            let seen = call(site, &idl, method, &token, &user).await;
            faults.unless_refused(method, &what, FORBIDDEN, &seen);
        }
    }
}

#[tokio::test]
async fn every_method_that_acts_for_a_user_refuses_a_call_for_nobody() {
    let site = Site::shared().await;
    let (idl, tokens, mut faults) = (Idl::read(), Tokens::of(site), Faults::default());
    let for_users: Vec<_> = idl.served().filter(|method| method.acts_for_user).collect();
    assert!(!for_users.is_empty());
    for method in for_users {
        let service = tokens.service(method);
        for (what, user, code) in tokens.wrong_users() {
            let seen = call(site, &idl, method, &service, &user).await;
            faults.unless_refused(method, &format!("{what} for the user"), code, &seen);
        }
    }
}

#[tokio::test]
async fn every_method_answers_an_admitted_caller() {
    let site = Site::shared().await;
    let (idl, tokens, mut faults) = (Idl::read(), Tokens::of(site), Faults::default());
    for method in idl.served() {
        // A method that acts for nobody does not need a user, and does not mind one.
        let users: &[String] = match method.acts_for_user {
            true => &[tokens.access()],
            false => &[String::new(), tokens.access()],
        };
        for user in users {
            let seen = call(site, &idl, method, &tokens.service(method), user).await;
            if !matches!(seen, Ok(Answer::Reply)) {
                faults.0.push(format!("{}/{} with the right tokens: {seen:?}", method.service, method.name));
            }
        }
    }
}

#[tokio::test]
async fn a_foreign_program_of_the_list_may_call_what_the_front_calls_for_users_and_nothing_else() {
    let site = Site::with(&[("identity.clients", "my.program")]).await;
    let (idl, tokens, mut faults) = (Idl::read(), Tokens::of(&site), Faults::default());
    for method in idl.served() {
        let rules = permissions::Permissions::of(&method.service, &[]);
        let token = tokens.service_of("my.program", method);
        let seen = call(&site, &idl, method, &token, &tokens.access()).await;
        let answered = matches!(seen, Ok(Answer::Reply));
        let is_upkeep = ["ListUndescribed", "SetVectors"].contains(&method.name.as_str());
        if answered != (!is_upkeep && rules.rule(&method.name).unwrap().admits("fanone.http")) {
            faults.0.push(format!("{}/{}: {seen:?}", method.service, method.name));
        }
    }
}

#[tokio::test]
async fn a_method_that_the_service_does_not_have_is_refused() {
    let site = Site::shared().await;
    let (idl, tokens) = (Idl::read(), Tokens::of(site));
    for method in idl.served() {
        let unknown = Method { name: format!("{}2", method.name), ..method.clone() };
        let message = wire::call_with_zeros(&idl, &unknown);
        let message = wire::with_tokens(&tokens.service(method), &tokens.access(), &message);
        let seen = wire::ask(&address(site, &method.service), &message).await;
        assert!(!matches!(seen, Ok(Answer::Reply)), "{}/{}", unknown.service, unknown.name);
    }
}
