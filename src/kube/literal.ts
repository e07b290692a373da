/**
 * Text for a container's `command`, `args` or `env` that must arrive as it is: Kubernetes replaces `$(NAME)` there, and
 * `$$` by `$`, so that a shell's `$$` would be its undoing.
 */
export function literal(text: string): string {
  return text.replaceAll('$', '$$$$');
}
