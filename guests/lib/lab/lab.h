/* All that a feature test includes: docs/tests.md shows how to write one. */
#ifndef GUESTS_LIB_LAB_LAB_H
#define GUESTS_LIB_LAB_LAB_H

#include "config/fields.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/feature/needs.h"
#include "guests/lib/feature/outcome.h"
#include "guests/lib/feature/record.h"
#include "guests/lib/lab/code.h"
#include "guests/lib/lab/control.h"
#include "guests/lib/lab/insn.h"
#include "guests/lib/lab/mode.h"
#include "guests/lib/lab/observe.h"
#include "guests/lib/lab/page.h"
#include "guests/lib/lab/probe.h"
#include "guests/lib/lab/probe_guest.h"
#include "guests/lib/lab/root.h"
#include "guests/lib/lab/state.h"
#include "guests/lib/lab/svm.h"
#include "guests/lib/lab/tables.h"
#include "guests/lib/lab/trap.h"
#include "guests/lib/lab/vmx.h"

#endif
