//! The processes of a site that find each other through a Nacos: `FANONE_TEST_REGISTRY=nacos`, with
//! `FANONE_TEST_FORM=five`, or `ten` for what needs two of a role.

#[cfg(test)]
mod load;
#[cfg(test)]
mod nacos;
