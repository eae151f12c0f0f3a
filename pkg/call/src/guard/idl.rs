//! What messages look like, read from the files in `idl/` themselves: so the guard cannot fall
//! behind them. It understands what they use: structs, enums and services.

use std::{collections::HashMap, sync::LazyLock};

use super::idl_tokens::{IdlError, Tokens};

/// The files, included ones first.
const FILES: &[(&str, &str)] = &[
    ("base", include_str!("../../../../idl/base.thrift")),
    ("user", include_str!("../../../../idl/user.thrift")),
    ("video", include_str!("../../../../idl/video.thrift")),
    ("interaction", include_str!("../../../../idl/interaction.thrift")),
    ("social", include_str!("../../../../idl/social.thrift")),
    ("embedding", include_str!("../../../../idl/embedding.thrift")),
];

/// Everything in `idl/`. A test holds that it is understood; if it were not, no server would start.
pub(crate) static IDL: LazyLock<Idl> = LazyLock::new(|| {
    Idl::read(FILES).unwrap_or_else(|error| {
        tracing::error!(%error, "idl.not_understood");
        Idl::default()
    })
});

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    I8,
    I16,
    I32,
    I64,
    Double,
    String,
    Binary,
    /// Its place in [`Idl::structs`].
    Struct(usize),
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>, Box<Type>),
}

/// The fields of a struct, of a method's arguments or of its result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) id: i16,
    pub(crate) required: bool,
    pub(crate) of: Type,
}

/// The messages of one method.
#[derive(Clone, Debug)]
pub(crate) struct Method {
    pub(crate) arguments: Shape,
    pub(crate) result: Shape,
}

#[derive(Debug, Default)]
pub(crate) struct Idl {
    pub(crate) structs: Vec<Shape>,
    /// By the service's name, which is its namespace; then by method.
    services: HashMap<String, HashMap<String, Method>>,
}

impl Idl {
    /// The methods of `service`.
    pub(crate) fn methods(&self, service: &str) -> Option<&HashMap<String, Method>> {
        self.services.get(service)
    }

    fn read(files: &[(&str, &str)]) -> Result<Self, IdlError> {
        let mut reader = Reader::default();
        for (name, text) in files {
            reader.file(name, Tokens::of(text))?;
        }
        Ok(reader.idl)
    }
}

#[derive(Default)]
struct Reader {
    idl: Idl,
    /// What the names of all files so far stand for, as `file.Name`.
    names: HashMap<String, Type>,
    file: String,
    namespace: String,
}

impl Reader {
    fn file(&mut self, name: &str, mut tokens: Tokens<'_>) -> Result<(), IdlError> {
        name.clone_into(&mut self.file);
        loop {
            match tokens.next().as_str() {
                "" => return Ok(()),
                "namespace" => {
                    let language = tokens.next();
                    let namespace = tokens.next();
                    if language == "rs" {
                        self.namespace = namespace;
                    }
                }
                "include" => drop(tokens.next()),
                "enum" => self.enumeration(&mut tokens)?,
                "struct" => self.structure(&mut tokens)?,
                "service" => self.service(&mut tokens)?,
                other => return Err(Tokens::unexpected("struct, enum or service", other.to_owned())),
            }
        }
    }

    fn name(&mut self, name: &str, of: Type) {
        self.names.insert(format!("{}.{name}", self.file), of);
    }

    fn enumeration(&mut self, tokens: &mut Tokens<'_>) -> Result<(), IdlError> {
        let name = tokens.next();
        tokens.expect("{")?;
        while !matches!(tokens.next().as_str(), "}" | "") {}
        self.name(&name, Type::I32);
        Ok(())
    }

    fn structure(&mut self, tokens: &mut Tokens<'_>) -> Result<(), IdlError> {
        let name = tokens.next();
        tokens.expect("{")?;
        let shape = self.fields(tokens, "}")?;
        self.name(&name, Type::Struct(self.idl.structs.len()));
        self.idl.structs.push(shape);
        Ok(())
    }

    fn service(&mut self, tokens: &mut Tokens<'_>) -> Result<(), IdlError> {
        drop(tokens.next());
        tokens.expect("{")?;
        let mut methods = HashMap::new();
        while !tokens.skip("}") {
            let result = self.type_of(tokens)?;
            let name = tokens.next();
            tokens.expect("(")?;
            let arguments = self.fields(tokens, ")")?;
            let result = Shape { fields: vec![Field { id: 0, required: true, of: result }] };
            methods.insert(name, Method { arguments, result });
        }
        self.idl.services.insert(self.namespace.clone(), methods);
        Ok(())
    }

    /// `1: required i64 id, …` up to `end`.
    fn fields(&self, tokens: &mut Tokens<'_>, end: &str) -> Result<Shape, IdlError> {
        let mut fields = Vec::new();
        while !tokens.skip(end) {
            let id = tokens.number()?;
            tokens.expect(":")?;
            // An argument without a word is required, too; fields have their word.
            let required = tokens.skip("required") || !tokens.skip("optional");
            let of = self.type_of(tokens)?;
            drop(tokens.next());
            let _ = tokens.skip(",") || tokens.skip(";");
            fields.push(Field { id, required, of });
        }
        Ok(Shape { fields })
    }

    fn type_of(&self, tokens: &mut Tokens<'_>) -> Result<Type, IdlError> {
        let word = tokens.next();
        Ok(match word.as_str() {
            "bool" => Type::Bool,
            "byte" | "i8" => Type::I8,
            "i16" => Type::I16,
            "i32" => Type::I32,
            "i64" => Type::I64,
            "double" => Type::Double,
            "string" => Type::String,
            "binary" => Type::Binary,
            "list" | "set" => {
                tokens.expect("<")?;
                let element = Box::new(self.type_of(tokens)?);
                tokens.expect(">")?;
                if word == "list" { Type::List(element) } else { Type::Set(element) }
            }
            "map" => {
                tokens.expect("<")?;
                let key = Box::new(self.type_of(tokens)?);
                tokens.expect(",")?;
                let value = Box::new(self.type_of(tokens)?);
                tokens.expect(">")?;
                Type::Map(key, value)
            }
            _ => {
                let name = if word.contains('.') { word.clone() } else { format!("{}.{word}", self.file) };
                match self.names.get(&name) {
                    Some(known) => known.clone(),
                    None => return Err(Tokens::unexpected("a type", word)),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_the_permission_table_has_its_messages() {
        let idl = &*IDL;
        for service in fanone_identity::permissions::SERVICES.iter().filter(|name| **name != "fanone.http") {
            let methods = idl.methods(service).unwrap();
            for method in fanone_identity::permissions::methods(service) {
                assert!(methods.contains_key(method), "{service}/{method}");
            }
        }
    }

    #[test]
    fn messages_are_read_as_they_are_written() {
        let idl = &*IDL;
        let method = &idl.methods("fanone.user").unwrap()["ApplyEvents"];
        let [Field { id: 1, required: true, of: Type::Struct(request) }] = method.arguments.fields[..] else {
            panic!("{:?}", method.arguments)
        };
        let request = &idl.structs[request];
        assert_eq!(request.fields[0], Field { id: 1, required: true, of: Type::String });
        let Type::List(event) = &request.fields[2].of else { panic!("{request:?}") };
        let Type::Struct(event) = **event else { panic!("{event:?}") };
        let event = &idl.structs[event];
        assert_eq!(event.fields[0].of, Type::I32, "an enum");
        assert!(!event.fields[3].required);
        let Type::Struct(picture) = event.fields[3].of else { panic!("{event:?}") };
        assert_eq!(idl.structs[picture].fields[4].of, Type::Binary);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in
            ["union U {}", "struct A { 1: required B b }", "struct A { x: i32 y }", "service S { void f() }"]
        {
            assert!(Idl::read(&[("file", text)]).is_err(), "{text}");
        }
        assert!(Idl::read(&[("file", "struct A { 1: map<i32, set<string>> b; 2: i64 c }")]).is_ok());
    }
}
