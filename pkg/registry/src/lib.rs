//! Where the instances of a service are: register, deregister, discover.
