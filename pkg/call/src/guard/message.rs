//! One walk through a message, along the IDL.

use std::{collections::HashMap, sync::LazyLock};

use super::{
    Refusal,
    codec::Side,
    idl::{Field, Idl, Method, Shape, Type},
    wire::{Kind, Protocol, Reader},
};

/// Values inside values; volo's decoder recurses as deep.
const DEPTH_MAX: u8 = 32;
/// Structs and collections inside collections: their decoded form is much larger than they are on
/// the wire, and room for all of them is made at once.
const COMPOUND_ELEMENTS_MAX: usize = 65_536;

const CALL: u8 = 1;
const REPLY: u8 = 2;
const EXCEPTION: u8 = 3;

/// What an application exception looks like, in every IDL.
static EXCEPTION_SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape {
    fields: vec![
        Field { id: 1, required: false, of: Type::String },
        Field { id: 2, required: false, of: Type::I32 },
    ],
});

/// What the messages of one service must look like.
#[derive(Clone, Copy)]
pub(crate) struct Messages {
    pub(crate) idl: &'static Idl,
    /// None if `idl/` does not describe the service.
    pub(crate) methods: Option<&'static HashMap<String, Method>>,
    /// Who receives them.
    pub(crate) side: Side,
}

impl Messages {
    /// The length of the message that `bytes` begin with, if it is one that `side` may receive.
    /// A client gets answers to `called` only.
    pub(crate) fn check(&self, bytes: &[u8], called: &str) -> Result<usize, Refusal> {
        let mut walk = Walk { reader: Reader::new(bytes)?, idl: self.idl, compound_elements: 0 };
        let start = walk.reader.message_start()?;
        let method = self.methods.and_then(|methods| methods.get(start.method));
        let shape = match (self.side, start.message_type) {
            // An unknown method is for the decoder to answer; it reads nothing more of the message.
            (Side::Server, CALL) => method.map(|method| &method.arguments),
            (Side::Client, EXCEPTION) => Some(&*EXCEPTION_SHAPE),
            (Side::Client, REPLY) if start.method == called => method.map(|method| &method.result),
            _ => return Err(Refusal::Malformed("no message of this kind is expected here")),
        };
        walk.structure(shape, DEPTH_MAX)?;
        Ok(walk.reader.position())
    }
}

struct Walk<'a> {
    reader: Reader<'a>,
    idl: &'static Idl,
    compound_elements: usize,
}

impl Walk<'_> {
    /// A struct of this shape; of any, if the IDL does not know it.
    fn structure(&mut self, shape: Option<&Shape>, depth: u8) -> Result<(), Refusal> {
        let fields = shape.map_or(&[][..], |shape| &shape.fields);
        let mut last = 0;
        // One bit for each field of the shape.
        let mut seen = 0_u64;
        while let Some(start) = self.reader.field_start(last)? {
            last = start.id;
            let place = fields.iter().position(|field| field.id == last);
            let bit = place.map_or(0, |place| 1 << (place % 64));
            if seen & bit != 0 {
                return Err(Refusal::Malformed("a field stands twice"));
            }
            seen |= bit;
            let of = place.and_then(|place| fields.get(place)).map(|field| &field.of);
            // A field of a newer version is skipped. pilota cannot do so in Compact.
            if of.is_none() && shape.is_some() && self.reader.protocol == Protocol::Compact {
                return Err(Refusal::WrongType);
            }
            if start.has_value {
                matches_kind(of, start.kind)?;
            } else {
                self.value(start.kind, of, depth)?;
            }
        }
        let missing = (0..)
            .zip(fields)
            .any(|(place, field): (u32, _)| field.required && seen & (1 << (place % 64)) == 0);
        if missing { Err(Refusal::Missing) } else { Ok(()) }
    }

    fn value(&mut self, kind: Kind, of: Option<&Type>, depth: u8) -> Result<(), Refusal> {
        matches_kind(of, kind)?;
        let depth = depth.checked_sub(1).ok_or(Refusal::TooDeep)?;
        match (kind, of) {
            (Kind::Struct, Some(Type::Struct(index))) => {
                let shape = self.idl.structs.get(*index).ok_or(Refusal::WrongType)?;
                self.structure(Some(shape), depth)
            }
            (Kind::Struct, _) => self.structure(None, depth),
            (Kind::List, Some(Type::List(element))) | (Kind::Set, Some(Type::Set(element))) => {
                self.elements(Some(element), depth)
            }
            (Kind::List | Kind::Set, _) => self.elements(None, depth),
            (Kind::Map, Some(Type::Map(key, value))) => self.entries(Some((key, value)), depth),
            (Kind::Map, _) => self.entries(None, depth),
            (_, Some(Type::String)) => match std::str::from_utf8(self.reader.scalar(kind)?) {
                Ok(_) => Ok(()),
                Err(_) => Err(Refusal::NotUtf8),
            },
            _ => self.reader.scalar(kind).map(drop),
        }
    }

    fn elements(&mut self, of: Option<&Type>, depth: u8) -> Result<(), Refusal> {
        let (Some(kind), count) = self.reader.list_start()? else { return Ok(()) };
        self.count(kind, count)?;
        (0..count).try_for_each(|_| self.value(kind, of, depth))
    }

    fn entries(&mut self, of: Option<(&Type, &Type)>, depth: u8) -> Result<(), Refusal> {
        let (Some((key, value)), count) = self.reader.map_start()? else { return Ok(()) };
        self.count(Kind::Map, count)?;
        (0..count).try_for_each(|_| {
            self.value(key, of.map(|(key, _)| key), depth)?;
            self.value(value, of.map(|(_, value)| value), depth)
        })
    }

    fn count(&mut self, kind: Kind, count: usize) -> Result<(), Refusal> {
        if matches!(kind, Kind::Struct | Kind::List | Kind::Set | Kind::Map) {
            self.compound_elements = self.compound_elements.saturating_add(count);
        }
        if self.compound_elements > COMPOUND_ELEMENTS_MAX { Err(Refusal::TooMany) } else { Ok(()) }
    }
}

/// The decoder does not look at the types of elements and results, so they must be right.
fn matches_kind(of: Option<&Type>, kind: Kind) -> Result<(), Refusal> {
    let expected = match of {
        None => return Ok(()),
        Some(Type::Bool) => Kind::Bool,
        Some(Type::I8) => Kind::I8,
        Some(Type::I16) => Kind::I16,
        Some(Type::I32) => Kind::I32,
        Some(Type::I64) => Kind::I64,
        Some(Type::Double) => Kind::Double,
        Some(Type::String | Type::Binary) => Kind::Bytes,
        Some(Type::Struct(_)) => Kind::Struct,
        Some(Type::List(_)) => Kind::List,
        Some(Type::Set(_)) => Kind::Set,
        Some(Type::Map(..)) => Kind::Map,
    };
    if kind == expected { Ok(()) } else { Err(Refusal::WrongType) }
}
