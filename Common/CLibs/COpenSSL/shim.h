// libssl and libcrypto for Swift: the headers, and a function for each macro that Swift cannot import.
#ifndef ASSAY_COPENSSL_H
#define ASSAY_COPENSSL_H

// The low-level SHA calls are deprecated, and the only ones without an allocation or a lock per digest.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#endif
