// tpm2-tss for Swift: the enhanced system API, marshalling, the TCTI loader and response-code texts.
#ifndef ASSAY_CTSS2_H
#define ASSAY_CTSS2_H

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#endif
