//! What stands between the network and volo's decoder, which trusts its peer: it allocates by
//! lengths from the wire, panics on short headers, takes the elements of a list for what the IDL
//! says whatever they are, and makes texts of bytes that are no UTF-8.
//!
//! The guard reads one whole message, within limits of size and time, walks through it once along
//! the IDL, and hands it on only if the decoder can do nothing but succeed or report an error.
//! Both ends of a connection use it. What it refuses costs the connection.

mod codec;
mod frame;
mod header;
mod idl;
mod idl_tokens;
mod message;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use codec::{GuardedCodec, Side};

/// Why bytes are not handed to the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The message goes on; it has at least `needed` bytes in all.
    #[error("the message is cut off before byte {needed}")]
    CutOff { needed: usize },
    /// The bytes are no TTHeader, no frame, and no message of Binary or Compact.
    #[error("the bytes are no Thrift message")]
    NotThrift,
    /// Longer than is allowed.
    #[error("the message is longer than {max} bytes")]
    TooLong { max: usize },
    /// A header or a value that contradicts itself or what is around it.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// Values inside values inside values.
    #[error("values are nested too deeply")]
    TooDeep,
    /// Collections that would take far more memory than the message.
    #[error("too many structs and collections in collections")]
    TooMany,
    /// A `string` of the IDL.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// A field or an element that is not what the IDL says.
    #[error("a value is not of the type in the IDL")]
    WrongType,
    /// A required field that is not there.
    #[error("a required field is missing")]
    Missing,
}
