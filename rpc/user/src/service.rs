//! The Thrift methods: take the input apart, call one use case, answer.

use fanone_call::reply;
use fanone_identity::{current_session, current_user};
use volo_gen::fanone::{
    base::{ApplyEventsReq, ApplyEventsResp},
    user::*,
};
use volo_thrift::ServerError;

use crate::{UserService, error::UserError, wire};

impl volo_gen::fanone::user::UserService for UserService {
    async fn register(&self, req: RegisterReq) -> Result<RegisterResp, ServerError> {
        let (base, id) = reply(self.accounts.register(&req.username, &req.password).await)?;
        Ok(RegisterResp { base, user_id: id.map(|id| id.0) })
    }

    async fn login(&self, req: LoginReq) -> Result<LoginResp, ServerError> {
        let result = self.login.login(&req.username, &req.password, req.code.as_deref()).await;
        let (base, session) = reply(result)?;
        let (user, tokens) = session.unzip();
        Ok(LoginResp { base, user: user.map(wire::user), tokens: tokens.map(wire::tokens) })
    }

    async fn renew_access(&self, req: RenewAccessReq) -> Result<RenewAccessResp, ServerError> {
        let (base, access) = reply(self.sessions.renew_access(&req.refresh_token).await)?;
        Ok(RenewAccessResp { base, access_token: access.map(Into::into) })
    }

    async fn rotate_tokens(&self, req: RotateTokensReq) -> Result<RotateTokensResp, ServerError> {
        let (base, tokens) = reply(self.sessions.rotate(&req.refresh_token).await)?;
        Ok(RotateTokensResp { base, tokens: tokens.map(wire::tokens) })
    }

    async fn logout(&self, _: LogoutReq) -> Result<LogoutResp, ServerError> {
        let result = async { self.sessions.revoke(current_session()?).await };
        Ok(LogoutResp { base: reply(result.await)?.0 })
    }

    async fn get_users(&self, req: GetUsersReq) -> Result<GetUsersResp, ServerError> {
        let (base, users) = reply(self.accounts.get(&req.ids).await)?;
        Ok(GetUsersResp { base, users: users.into_iter().flatten().map(wire::user).collect() })
    }

    async fn find_user(&self, req: FindUserReq) -> Result<FindUserResp, ServerError> {
        let (base, user) = reply(self.accounts.find(&req.username).await)?;
        Ok(FindUserResp { base, user: user.map(wire::user) })
    }

    async fn set_avatar(&self, req: SetAvatarReq) -> Result<SetAvatarResp, ServerError> {
        let result = async { self.avatars.set(current_user()?, &req.key, &req.vector, &req.model).await };
        let (base, answer) = reply(result.await)?;
        let (user, previous) = answer.unzip();
        let previous_key = previous.flatten().map(Into::into);
        Ok(SetAvatarResp { base, user: user.map(wire::user), previous_key })
    }

    async fn begin_mfa(&self, _: BeginMfaReq) -> Result<BeginMfaResp, ServerError> {
        let result = async {
            let user = self.accounts.profile(current_user()?).await?;
            self.mfa.begin(fanone_base::Id(user.id), &user.username).await
        };
        let (base, pending) = reply(result.await)?;
        let (secret, url) = pending.map(|it| (it.secret.into(), it.url.into())).unzip();
        Ok(BeginMfaResp { base, secret, url })
    }

    async fn bind_mfa(&self, req: BindMfaReq) -> Result<BindMfaResp, ServerError> {
        let result = async { self.mfa.bind(current_user()?, &req.code, req.secret.as_deref()).await };
        Ok(BindMfaResp { base: reply(result.await)?.0 })
    }

    async fn unbind_mfa(&self, req: UnbindMfaReq) -> Result<UnbindMfaResp, ServerError> {
        let result = async { self.mfa.unbind(current_user()?, &req.code, &req.password).await };
        Ok(UnbindMfaResp { base: reply(result.await)?.0 })
    }

    async fn search_pictures(&self, req: SearchPicturesReq) -> Result<SearchPicturesResp, ServerError> {
        let result = async {
            // Asked first: what is described from now on is found as well.
            let complete = self.pictures.is_complete(&req.model).await?;
            Ok::<_, UserError>((self.pictures.search(&req.vector, &req.model, req.limit).await?, complete))
        };
        let (base, found) = reply(result.await)?;
        let (matches, complete) = found.unwrap_or_default();
        let items = matches.into_iter().map(wire::picture_match).collect();
        Ok(SearchPicturesResp { base, items, complete })
    }

    async fn list_undescribed(&self, req: ListUndescribedReq) -> Result<ListUndescribedResp, ServerError> {
        let (base, found) = reply(self.pictures.undescribed(&req.model, req.limit).await)?;
        let items = found.into_iter().flatten().map(|(id, key)| UndescribedPicture { id, key: key.into() });
        Ok(ListUndescribedResp { base, items: items.collect() })
    }

    async fn set_vectors(&self, req: SetVectorsReq) -> Result<SetVectorsResp, ServerError> {
        let items = req.items.into_iter().map(|item| (fanone_base::Id(item.id), item.vector.to_vec()));
        let (base, written) = reply(self.pictures.describe(&req.model, items.collect()).await)?;
        let written = written.and_then(|count| i32::try_from(count).ok()).unwrap_or_default();
        Ok(SetVectorsResp { base, written })
    }

    async fn apply_events(&self, req: ApplyEventsReq) -> Result<ApplyEventsResp, ServerError> {
        Ok(ApplyEventsResp { base: reply(self.events.apply(wire::batch(req)).await)?.0 })
    }
}

#[cfg(test)]
mod tests;
