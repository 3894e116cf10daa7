/* SPDX-License-Identifier: BSD-2-Clause */
/* The catalogue inside the programs, so that each is one file and knows what it was reviewed with. */
	.section .rodata
	.global quis_catalog
	.global quis_catalog_end
quis_catalog:
	.incbin CATALOG
quis_catalog_end:
	.section .note.GNU-stack,"",@progbits
