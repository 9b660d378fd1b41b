//! Both adapters against programs of others: clients and servers over TLS, a browser, proxies and nginx.
//!
//! `peers/install.sh FOLDER` installs them; `PEERS=FOLDER` says where. A test whose program is not
//! there says so and passes, unless `PEERS` is set: then it fails.

mod bindings;
mod chromium;
mod examples;
mod folder;
mod libraries;
mod nginx;
mod openssl;
mod programs;
mod proxies;
