//! The methods in `idl/*.thrift`, read by the test itself, so that it learns of a new one at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use fanone_identity::permissions::EMBEDDING;

/// One method of one service.
#[derive(Clone, Debug)]
pub(crate) struct Method {
    /// As in tokens: `fanone.user`.
    pub(crate) service: String,
    pub(crate) name: String,
    /// The struct that it takes, as `file.Name`.
    pub(crate) argument: String,
    /// Whether the comment above it says `auth`.
    pub(crate) acts_for_user: bool,
}

/// What a field holds.
#[derive(Clone, Debug)]
pub(crate) enum Type {
    Bool,
    I32,
    I64,
    Double,
    /// A text or bytes.
    Bytes,
    List(Box<Type>),
    /// A struct or an enum, as `file.Name`.
    Named(String),
}

/// All files together.
#[derive(Debug, Default)]
pub(crate) struct Idl {
    pub(crate) methods: Vec<Method>,
    pub(crate) enums: BTreeSet<String>,
    /// The required fields of each struct.
    pub(crate) required: BTreeMap<String, Vec<(i16, Type)>>,
}

impl Idl {
    /// Reads the files of the repository.
    pub(crate) fn read() -> Self {
        let mut idl = Self::default();
        for file in fs::read_dir(fanone_tests::repository("idl")).unwrap() {
            let path = file.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            Parser { tokens: tokens(&text).into_iter(), file: name, idl: &mut idl }.file();
        }
        idl
    }
}

impl Idl {
    /// The methods that a site serves itself. The server of a model is another program, which tests of its own hold to the
    /// same rules: `clients/python/tests`.
    pub(crate) fn served(&self) -> impl Iterator<Item = &Method> {
        self.methods.iter().filter(|method| method.service != EMBEDDING)
    }
}

/// Stands for a comment that begins with "auth".
const AUTH: &str = "// auth";

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for line in text.lines() {
        let (code, comment) = line.split_once("//").unwrap_or((line, ""));
        if comment.trim_start().starts_with("auth") {
            tokens.push(AUTH.to_owned());
        }
        let mut spaced = String::new();
        for character in code.chars() {
            match character {
                '{' | '}' | '(' | ')' | '<' | '>' | ':' => spaced.extend([' ', character, ' ']),
                ',' | ';' => spaced.push(' '),
                other => spaced.push(other),
            }
        }
        tokens.extend(spaced.split_whitespace().map(str::to_owned));
    }
    tokens
}

struct Parser<'a> {
    tokens: std::vec::IntoIter<String>,
    file: String,
    idl: &'a mut Idl,
}

impl Parser<'_> {
    fn file(mut self) {
        let mut service_name = String::new();
        while let Some(token) = self.tokens.next() {
            match token.as_str() {
                "namespace" => {
                    let (language, name) = (self.next(), self.next());
                    if language == "rs" {
                        service_name = name;
                    }
                }
                "include" => drop(self.next()),
                "enum" => {
                    let name = self.next();
                    while self.next() != "}" {}
                    self.idl.enums.insert(self.qualified(&name));
                }
                "struct" => self.structure(),
                "service" => self.service(&service_name),
                AUTH => {}
                other => panic!("{}.thrift: `{other}` is not understood", self.file),
            }
        }
    }

    fn structure(&mut self) {
        let name = self.next();
        self.expect("{");
        let mut required = Vec::new();
        loop {
            let id = match self.next().as_str() {
                "}" => break,
                AUTH => continue,
                id => id.parse().unwrap(),
            };
            self.expect(":");
            let is_required = self.next() == "required";
            let of = self.of_type();
            let _name = self.next();
            if is_required {
                required.push((id, of));
            }
        }
        self.idl.required.insert(self.qualified(&name), required);
    }

    fn service(&mut self, service: &str) {
        let _name = self.next();
        self.expect("{");
        let mut acts_for_user = false;
        loop {
            match self.next().as_str() {
                "}" => break,
                AUTH => acts_for_user = true,
                _answer => {
                    let name = self.next();
                    ["(", "1", ":"].into_iter().for_each(|token| self.expect(token));
                    let argument = self.next();
                    let argument = self.qualified(&argument);
                    let _name = self.next();
                    self.expect(")");
                    let service = service.to_owned();
                    self.idl.methods.push(Method { service, name, argument, acts_for_user });
                    acts_for_user = false;
                }
            }
        }
    }

    fn of_type(&mut self) -> Type {
        match self.next().as_str() {
            "bool" => Type::Bool,
            "i32" => Type::I32,
            "i64" => Type::I64,
            "double" => Type::Double,
            "string" | "binary" => Type::Bytes,
            "list" => {
                self.expect("<");
                let element = self.of_type();
                self.expect(">");
                Type::List(Box::new(element))
            }
            name => Type::Named(self.qualified(name)),
        }
    }

    fn qualified(&self, name: &str) -> String {
        if name.contains('.') { name.to_owned() } else { format!("{}.{name}", self.file) }
    }

    fn next(&mut self) -> String {
        self.tokens.next().unwrap_or_else(|| panic!("{}.thrift ends too early", self.file))
    }

    fn expect(&mut self, token: &str) {
        let found = self.next();
        assert_eq!(found, token, "{}.thrift", self.file);
    }
}
