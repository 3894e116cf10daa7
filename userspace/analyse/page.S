/* SPDX-License-Identifier: BSD-2-Clause */
/* Style and program of the HTML report, inside quis. */
	.section .rodata
	.global page_css
	.global page_css_end
	.global page_js
	.global page_js_end
page_css:
	.incbin "userspace/analyse/page.css"
page_css_end:
page_js:
	.incbin "userspace/analyse/page.js"
page_js_end:
	.section .note.GNU-stack,"",@progbits
