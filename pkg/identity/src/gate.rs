//! The door of a service: the tokens of a call are held against the permission table.

use std::sync::Arc;

use crate::{
    Caller, ForWhom, IdentityError, KeyError, Keys, ServiceVerifier, TokenError, UserClaims, UserVerifier,
    permissions::Permissions,
};

/// Decides which calls one service accepts. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    service: Arc<str>,
    permissions: Arc<Permissions>,
    services: ServiceVerifier,
    users: UserVerifier,
}

impl Gate {
    /// The door of `service`, with every public key in `keys`.
    pub fn new(service: &str, keys: &Keys) -> Result<Self, KeyError> {
        Ok(Self {
            service: service.into(),
            permissions: Arc::new(Permissions::of(service, keys.clients())),
            services: keys.service_verifier(service)?,
            users: keys.user_verifier()?,
        })
    }

    /// The service behind the door.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Who calls `method`, if the tokens prove that it may. An empty token is none.
    pub fn admit(
        &self,
        method: &str,
        service_token: &str,
        user_token: &str,
    ) -> Result<Caller, IdentityError> {
        let rule = self.permissions.rule(method).ok_or(IdentityError::Forbidden)?;
        let service = match self.services.verify(service_token) {
            Ok(service) if rule.admits(&service) => service,
            _ => return Err(IdentityError::Forbidden),
        };
        let user = match rule.for_whom() {
            ForWhom::Nobody => None,
            ForWhom::User => Some(self.user(user_token)?),
        };
        Ok(Caller { service, user })
    }

    fn user(&self, token: &str) -> Result<UserClaims, IdentityError> {
        self.users.verify(token).map_err(|error| match error {
            TokenError::Expired => IdentityError::AccessExpired,
            TokenError::Missing | TokenError::Invalid | TokenError::Signing(_) => IdentityError::NotLoggedIn,
        })
    }
}
