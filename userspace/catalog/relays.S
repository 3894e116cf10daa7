/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of relays.txt, inside the program. */
	.section .rodata
	.global catalog_relays
	.global catalog_relays_end
catalog_relays:
	.incbin "userspace/catalog/relays.txt"
catalog_relays_end:
	.section .note.GNU-stack,"",@progbits
