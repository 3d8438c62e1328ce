function Icon({ path, size = 18 }: { path: string; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={path} />
    </svg>
  );
}

export const Send = () => <Icon path="M12 19V5M5.5 11.5 12 5l6.5 6.5" />;
export const Stop = () => <Icon path="M7 7h10v10H7z" />;
export const Plus = () => <Icon path="M12 5v14M5 12h14" />;
export const Menu = () => <Icon path="M4 7h16M4 12h16M4 17h16" size={20} />;
export const Close = () => <Icon path="M6 6l12 12M18 6 6 18" size={20} />;
export const Check = () => <Icon path="M5 12.5 10 17.5 19 7" size={16} />;
export const Chevron = () => <Icon path="M9 6l6 6-6 6" size={16} />;
export const Copy = () => <Icon path="M9 9h10v11H9zM5 15V4h10" size={16} />;
export const Warning = () => <Icon path="M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.1" />;
export const Info = () => <Icon path="M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 7.8v.1" size={16} />;
export const Database = () => (
  <Icon path="M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3" />
);

export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg className="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect className="mark__ground" width="32" height="32" rx="8" />
      <path className="mark__letter" d="M8 22.5 14.2 9h3.6L24 22.5M11 17.6h7.4" />
    </svg>
  );
}
