#ifndef SETTLED_CMALLOC_SHIM_H
#define SETTLED_CMALLOC_SHIM_H

#include <malloc.h>

#endif
