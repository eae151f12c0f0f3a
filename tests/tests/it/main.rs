//! The site from outside, one module per area. Most tests share one site; those that need settings
//! of their own, or that look at what nobody else may touch, start another.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod api_document;
#[cfg(test)]
mod avatars;
#[cfg(test)]
mod bad_files;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod bucket;
#[cfg(test)]
mod cache_outage;
#[cfg(test)]
mod chat;
#[cfg(test)]
mod chat_limits;
#[cfg(test)]
mod comments;
#[cfg(test)]
mod envelope;
#[cfg(test)]
mod first_steps;
#[cfg(test)]
mod governance;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod image_search;
#[cfg(test)]
mod likes;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod live_config;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod media;
#[cfg(test)]
mod mfa;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod races;
#[cfg(test)]
mod refused_starts;
#[cfg(test)]
mod relations;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod rpc_count;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod shard_move;
#[cfg(test)]
mod two_fronts;
#[cfg(test)]
mod upload;
#[cfg(test)]
mod upload_refusals;
#[cfg(test)]
mod videos;
