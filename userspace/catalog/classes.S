/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of classes.ini, inside the program. */
	.section .rodata
	.global catalog_classes
	.global catalog_classes_end
catalog_classes:
	.incbin "userspace/catalog/classes.ini"
catalog_classes_end:
	.section .note.GNU-stack,"",@progbits
